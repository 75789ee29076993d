// The store's words and dates, without a file.
#include "metrics/store.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;

TEST_CASE("an instant becomes a date by the pair before it") {
  const UnixTime start(1'718'582'400s);
  const Sitting sitting{0, {{Instant(0s), start}, {Instant(10s), start + 11s}}};  // stepped by 1 s
  CHECK(to_unix(sitting, Instant(4s)) == start + 4s);
  CHECK(to_unix(sitting, Instant(10s)) == start + 11s);
  CHECK(to_unix(sitting, Instant(15s)) == start + 16s);
  CHECK(to_unix({0, {{Instant(5s), start}}}, Instant(4s)) == start - 1s);
  CHECK(!to_unix(Sitting{}, Instant(4s)));
}

TEST_CASE("statuses and outcomes are words that come back") {
  for (const auto status : {RunStatus::running, RunStatus::complete, RunStatus::interrupted,
                            RunStatus::budget_reached, RunStatus::failed}) {
    CHECK(parse_run_status(to_text(status)) == status);
  }
  for (const auto outcome :
       {Outcome::ok, Outcome::truncated, Outcome::refused, Outcome::unparsed, Outcome::empty,
        Outcome::error, Outcome::unsupported, Outcome::unscored}) {
    CHECK(parse_outcome(to_text(outcome)) == outcome);
  }
  CHECK(to_text(RunStatus::budget_reached) == "budget_reached");
  CHECK(to_text(Outcome::unscored) == "unscored");
  CHECK(!parse_run_status("done"));
  CHECK(!parse_outcome(""));
}
