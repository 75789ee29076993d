#include "metrics/outcome.h"

#include "tests/test.h"

namespace pennyweight {
namespace {

std::optional<Outcome> outcome_of(Failure failure, Finish finish = Finish::stop,
                                  const char* answer = "x", bool blank_is_wanted = false) {
  RequestRecord r;
  r.failure = failure;
  r.finish = finish;
  r.answer = answer;
  return outcome_without_scorer(r, blank_is_wanted);
}

TEST_CASE("a failure or refusal has its outcome whatever was answered") {
  CHECK(outcome_of(Failure::refused) == Outcome::refused);
  CHECK(outcome_of(Failure::none, Finish::content_filter) == Outcome::refused);
  CHECK(outcome_of(Failure::unsupported) == Outcome::unsupported);
  CHECK(outcome_of(Failure::timeout) == Outcome::error);
  CHECK(outcome_of(Failure::truncated, Finish::none) == Outcome::error);
}

TEST_CASE("a blank answer is empty, or cut, or for the scorer when the task wants it") {
  CHECK(outcome_of(Failure::none, Finish::stop, " \n\u3000") == Outcome::empty);
  CHECK(outcome_of(Failure::none, Finish::length, "") == Outcome::truncated);
  CHECK_FALSE(outcome_of(Failure::none, Finish::stop, "", true));
  CHECK_FALSE(outcome_of(Failure::none));
}

TEST_CASE("a scored answer is ok, unparsed or cut") {
  CHECK(outcome_of_answer(Finish::stop, true) == Outcome::ok);
  CHECK(outcome_of_answer(Finish::stop, false) == Outcome::unparsed);
  CHECK(outcome_of_answer(Finish::length, true) == Outcome::truncated);
  CHECK(outcome_of_answer(Finish::length, false) == Outcome::truncated);
}

TEST_CASE("what the model owes scores 0, and what it could not help has no score") {
  CHECK(score_without_answer(Outcome::refused) == 0.0);
  CHECK(score_without_answer(Outcome::empty) == 0.0);
  CHECK(score_without_answer(Outcome::truncated) == 0.0);
  CHECK_FALSE(score_without_answer(Outcome::error));
  CHECK_FALSE(score_without_answer(Outcome::unsupported));
}

TEST_CASE("only trouble on the way is a failed request, and what was cut off is unfinished") {
  for (const Failure failure :
       {Failure::connect, Failure::tls, Failure::timeout, Failure::authentication,
        Failure::rate_limited, Failure::bad_request, Failure::server_error, Failure::protocol,
        Failure::truncated, Failure::engine}) {
    CAPTURE(to_text(failure));
    CHECK(is_failed(failure));
    CHECK_FALSE(is_unfinished(failure));
  }
  for (const Failure failure : {Failure::none, Failure::refused, Failure::unsupported}) {
    CHECK_FALSE(is_failed(failure));
    CHECK_FALSE(is_unfinished(failure));
  }
  for (const Failure failure : {Failure::cancelled, Failure::in_flight}) {
    CHECK_FALSE(is_failed(failure));
    CHECK(is_unfinished(failure));
  }
}

}  // namespace
}  // namespace pennyweight
