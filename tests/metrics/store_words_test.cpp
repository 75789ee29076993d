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

TEST_CASE("dates are found among the pairs of a run of ten days, however many are asked for") {
  const UnixTime start(1'718'582'400s);
  Sitting sitting;
  for (int i = 0; i < 86'400; ++i) {
    sitting.clock_pairs.push_back({Instant(10s * i), start + 10s * i + Duration(i)});
  }
  const auto began = std::chrono::steady_clock::now();
  bool right = true;
  for (int i = 0; i < 86'400; ++i) {
    const Instant asked(10s * i + 5s);
    right = right && to_unix(sitting, asked) == start + 10s * i + Duration(i) + 5s;
  }
  CHECK(right);
  CHECK(std::chrono::steady_clock::now() - began < 1s);  // looking at each pair takes many
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
