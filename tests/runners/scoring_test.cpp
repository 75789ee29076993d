#include "runners/scoring.h"

#include "tests/test.h"

namespace pennyweight {
namespace {

StoredScore scored(const RequestRecord& record, std::vector<std::string> targets = {"42"},
                   const std::string& scorer = "numeric_close") {
  Task task;
  task.id = "t";
  task.targets = std::move(targets);
  const auto made = make_scorer({scorer, {}});
  REQUIRE(made);
  return score_record(record, task, **made);
}

RequestRecord answered(const std::string& answer, Finish finish = Finish::stop) {
  RequestRecord r;
  r.cell_id = "c";
  r.task_id = "t";
  r.repeat = 2;
  r.answer = answer;
  r.finish = finish;
  return r;
}

}  // namespace

TEST_CASE("A right answer is ok and scores 1 under the scorer's signature") {
  const StoredScore s = scored(answered("It is 42."));
  CHECK(s.outcome == Outcome::ok);
  CHECK(s.score == 1.0);
  CHECK(s.extracted == "42");
  CHECK(s.cell_id == "c");
  CHECK(s.task_id == "t");
  CHECK(s.repeat == 2);
  CHECK(s.signature.find("numeric_close") == 0);
}

TEST_CASE("A wrong answer is ok and scores 0") {
  CHECK(scored(answered("41")).outcome == Outcome::ok);
  CHECK(scored(answered("41")).score == 0.0);
}

TEST_CASE("Where nothing can be extracted the outcome is unparsed and wrong") {
  CHECK(scored(answered("no idea")).outcome == Outcome::unparsed);
  CHECK(scored(answered("no idea")).score == 0.0);
}

TEST_CASE("A cut answer is scored on what there is, and flagged") {
  CHECK(scored(answered("42", Finish::length)).outcome == Outcome::truncated);
  CHECK(scored(answered("42", Finish::length)).score == 1.0);
  CHECK(scored(answered("", Finish::length)).outcome == Outcome::truncated);
  CHECK(scored(answered("", Finish::length)).score == 0.0);
}

TEST_CASE("A blank answer is empty and wrong, unless nothing was the right answer") {
  CHECK(scored(answered(" \n\u3000")).outcome == Outcome::empty);
  CHECK(scored(answered("")).score == 0.0);
  CHECK(scored(answered(""), {""}, "exact_match").outcome == Outcome::ok);
  CHECK(scored(answered(""), {""}, "exact_match").score == 1.0);
}

TEST_CASE("A refusal by the provider is wrong, whatever was said before it") {
  RequestRecord r = answered("42");
  r.finish = Finish::content_filter;
  CHECK(scored(r).outcome == Outcome::refused);
  CHECK(scored(r).score == 0.0);
  r.finish = Finish::stop;
  r.failure = Failure::refused;
  CHECK(scored(r).outcome == Outcome::refused);
}

TEST_CASE("A failure has no score") {
  RequestRecord r = answered("42");
  for (const Failure failure : {Failure::timeout, Failure::server_error, Failure::truncated,
                                Failure::engine, Failure::connect}) {
    r.failure = failure;
    CHECK(scored(r).outcome == Outcome::error);
    CHECK_FALSE(scored(r).score);
  }
  r.failure = Failure::unsupported;
  CHECK(scored(r).outcome == Outcome::unsupported);
  CHECK_FALSE(scored(r).score);
}

}  // namespace pennyweight
