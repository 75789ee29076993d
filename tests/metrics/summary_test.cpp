#include "metrics/summary.h"

#include <set>

#include "tests/metrics/summary_samples.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using namespace test;

TEST_CASE("only measured answers enter, and warm-up is counted beside them") {
  std::vector<RequestRecord> records = answers(6);
  records[0].phase = Phase::warm_up;
  records[1].phase = Phase::cool_down;
  records[2].role = Role::judge;
  const Summary s = summarize(input_of(records));
  CHECK(s.n_requests == 3);
  CHECK(s.n_warm_up == 1);
  CHECK(s.ttft_ms.n == 3);
  CHECK(s.duration_s == Approx(2.23));
  CHECK(s.busy_s == Approx(3 * 0.22));
}

TEST_CASE("latencies count from the schedule, with the from-sent figures beside them") {
  const Summary s = summarize(input_of(answers(6)));
  CHECK(*s.ttft_ms.p50 == Approx(120));
  CHECK(*s.ttft_from_sent_ms.p50 == Approx(110));
  CHECK(*s.e2e_ms.p50 == Approx(220));
  CHECK(*s.e2e_from_sent_ms.p50 == Approx(210));
  CHECK(*s.send_lag_ms.p50 == Approx(10));
  CHECK(*s.tpot_ms.p50 == Approx(100.0 / 299));
  CHECK(s.inter_chunk_gap_ms.n == 12);
  CHECK(*s.output_tokens_per_s.p50 == Approx(300 / 0.21));
  CHECK(*s.output_tokens_per_s_system == Approx(6 * 300 / (6 * 0.22)));
  CHECK(*s.requests_per_s == Approx(6 / (6 * 0.22)));  // not the span: others run in between
}

TEST_CASE("a failure never enters a latency and always enters the rates") {
  std::vector<RequestRecord> records = answers(6);
  records.push_back(failure("slow", 0, 9000, Failure::timeout));
  records.back().last_token = ms(99'000);
  const Summary s = summarize(input_of(records));
  CHECK(s.n_requests == 7);
  CHECK(s.n_ok == 6);
  CHECK(s.n_failed == 1);
  CHECK(s.e2e_ms.n == 6);
  CHECK(*s.e2e_ms.max == Approx(220));
  CHECK(*s.requests_per_s == Approx(6 / (7 * 0.22)));
  CHECK(*s.output_tokens == 1800);
}

TEST_CASE("a retried request counts once, and back-off is in no latency") {
  std::vector<RequestRecord> records{failure("a", 0, 0, Failure::rate_limited),
                                     answer("a", 0, 500)};
  records[1].attempt = 2;
  std::swap(records[0], records[1]);  // the order of rows does not matter
  const Summary s = summarize(input_of(records));
  CHECK(s.n_requests == 1);
  CHECK(s.n_ok == 1);
  CHECK(s.n_failed == 0);
  CHECK(s.n_retries == 1);
  CHECK(*s.ttft_ms.mean == Approx(120));
  CHECK(*s.e2e_ms.mean == Approx(220));
  CHECK(*s.ttft_from_sent_ms.mean == Approx(110));
}

TEST_CASE("asked again by a later sitting is no retry") {
  std::vector<RequestRecord> records{failure("a", 0, 0, Failure::in_flight),
                                     failure("a", 0, 100, Failure::rate_limited),
                                     answer("a", 0, 500)};
  records[0].done.reset();
  records[1].sitting = records[2].sitting = 1;
  records[2].attempt = 2;
  const Summary s = summarize(input_of(records));
  CHECK(s.n_retries == 1);
  CHECK(s.n_ok == 1);
  CHECK(s.n_unfinished == 0);
}

TEST_CASE("what was cut off is no failure, and a refused or unsupported task is an outcome") {
  std::vector<RequestRecord> records = answers(2);
  for (const Failure kind : {Failure::cancelled, Failure::in_flight, Failure::refused,
                             Failure::unsupported, Failure::timeout}) {
    const int i = static_cast<int>(records.size());
    records.push_back(failure("f" + std::to_string(i), 0, 1000 * i, kind));
  }
  const std::vector<StoredScore> scores{score("f2", 0, std::nullopt, Outcome::error),
                                        score("f4", 0, 0, Outcome::refused)};
  const Summary s = summarize(input_of(records, scores));
  CHECK(s.n_unfinished == 2);
  CHECK(s.n_requests == 5);
  CHECK(s.n_ok == 2);
  CHECK(s.n_failed == 1);
  const std::vector<std::pair<Outcome, int>> expected{{Outcome::refused, 1},
                                                      {Outcome::error, 1},
                                                      {Outcome::unsupported, 1},
                                                      {Outcome::unscored, 2}};
  CHECK(s.outcomes == expected);
  CHECK(*s.score_mean == 0);

  const Summary none = summarize(input_of({failure("a", 0, 0, Failure::cancelled)}));
  CHECK(none.n_requests == 0);
  CHECK(blank(none, "ttft_ms_mean") == "no request was finished");
}

TEST_CASE("gaps have percentiles from as many answers as others need, and no interval") {
  const Summary few = summarize(input_of(answers(5)));
  CHECK(few.inter_chunk_gap_ms.n == 10);
  CHECK_FALSE(few.inter_chunk_gap_ms.p50);
  CHECK(blank(few, "icg_ms_p50") == "needs 6 samples, has 5");
  const Summary enough = summarize(input_of(answers(6)));
  CHECK(*enough.inter_chunk_gap_ms.p50 == Approx(50));
  CHECK_FALSE(enough.inter_chunk_gap_ms.p50_low);
  CHECK(blank(enough, "icg_ms_p50_ci_low") ==
        "no interval: gaps of one stream are not independent");
  CHECK(blank(enough, "icg_ms_p95") == "needs 72 samples, has 6");
}

TEST_CASE("busy time is a union, and sittings have clocks of their own") {
  std::vector<RequestRecord> records{answer("a", 0, 0), answer("b", 0, 100), answer("c", 0, 1000)};
  CHECK(summarize(input_of(records)).busy_s == Approx(0.32 + 0.22));
  records[1].sitting = 1;
  const Summary s = summarize(input_of(records));
  CHECK(s.busy_s == Approx(3 * 0.22));
  CHECK(s.duration_s == Approx(1.23 + 0.23));
}

TEST_CASE("repeats of a task are averaged before tasks are") {
  const std::vector<RequestRecord> records{answer("a", 0, 0), answer("a", 1, 1000),
                                           answer("a", 2, 2000), answer("b", 0, 3000)};
  const std::vector<StoredScore> scores{score("a", 0, 1), score("a", 1, 0), score("a", 2, 0.5),
                                        score("b", 0, 1), score("not measured", 0, 0)};
  const Summary s = summarize(input_of(records, scores));
  CHECK(s.n_scored == 4);
  CHECK(s.n_correct == 2);
  CHECK(*s.score_mean == Approx(0.75));
  CHECK(s.score_interval->low == Approx(wilson(1.5, 2)->low));
  CHECK(s.score_interval->high == Approx(wilson(1.5, 2)->high));
}

TEST_CASE("outcomes are counted, and a request without a score is unscored or an error") {
  const std::vector<RequestRecord> records{answer("a", 0, 0), answer("b", 0, 1000),
                                           answer("c", 0, 2000),
                                           failure("d", 0, 3000, Failure::server_error)};
  const Summary s =
      summarize(input_of(records, {score("a", 0, 1), score("b", 0, 0, Outcome::unparsed)}));
  const std::vector<std::pair<Outcome, int>> expected{
      {Outcome::ok, 1}, {Outcome::unparsed, 1}, {Outcome::error, 1}, {Outcome::unscored, 1}};
  CHECK(s.outcomes == expected);
  CHECK(*s.score_mean == Approx(0.5));
}

TEST_CASE("a percentile below its floor is blank and says what it needs") {
  const Summary few = summarize(input_of(answers(5)));
  CHECK_FALSE(few.ttft_ms.p50);
  CHECK(few.ttft_ms.mean);
  CHECK(blank(few, "ttft_ms_p50") == "needs 6 samples, has 5");
  const Summary some = summarize(input_of(answers(72)));
  CHECK(some.ttft_ms.p50);
  CHECK(some.ttft_ms.p90);
  CHECK(some.ttft_ms.p95);
  CHECK(some.ttft_ms.p95_high);
  CHECK_FALSE(some.ttft_ms.p99);
  CHECK_FALSE(some.ttft_ms.p99_low);
  CHECK(blank(some, "ttft_ms_p95") == "");
  CHECK(blank(some, "ttft_ms_p99_ci_low") == "needs 368 samples, has 72");
}

TEST_CASE("a distribution describes its samples in any order") {
  const Distribution d = describe({3, 1, 2, 6, 5, 4});
  CHECK(d.n == 6);
  CHECK(*d.mean == 3.5);
  CHECK(*d.min == 1);
  CHECK(*d.max == 6);
  CHECK(*d.p50 == 3.5);
  CHECK(*d.p50_low == 1);
  CHECK(*d.p50_high == 6);
  CHECK(*d.sd == Approx(1.870828693));
  CHECK_FALSE(describe({}).mean);
}

TEST_CASE("a cell without any request is blank everywhere, each column once and with a reason") {
  const Summary s = summarize(input_of({}));
  std::set<std::string> columns;
  for (const auto& [column, why] : s.blanks) {
    CAPTURE(column);
    CHECK(columns.insert(column).second);
    CHECK_FALSE(why.empty());
  }
  for (const char* const column :
       {"score_mean", "ttft_ms_p50", "tpot_ms_p99_ci_high", "send_lag_ms_mean", "icg_ms_max",
        "output_tokens_per_s_system", "output_tokens_per_s_request_p50", "requests_per_s",
        "input_tokens_total", "energy_j_total", "energy_wh_per_1m_output_tokens",
        "energy_j_per_task", "cost_usd_total", "cost_usd_per_1k_tasks", "cost_usd_per_correct"}) {
    CAPTURE(column);
    CHECK(columns.count(column) == 1);
  }
  CHECK(blank(s, "ttft_ms_p50") == "no request was measured");
  CHECK_FALSE(s.score_mean);
  CHECK_FALSE(s.requests_per_s);
}

TEST_CASE("every blank has a reason when every request fails or no answer is counted") {
  const std::vector<RequestRecord> failed{failure("a", 0, 0, Failure::connect)};
  std::vector<RequestRecord> uncounted = answers(1);
  uncounted[0].usage = {};
  uncounted[0].chunks.resize(1);
  derive_token_instants(uncounted[0]);
  for (const auto& records : {failed, uncounted}) {
    const Summary s = summarize(priced(records));
    for (const auto& [column, why] : s.blanks) {
      CAPTURE(column);
      CHECK_FALSE(why.empty());
    }
  }
  CHECK(blank(summarize(priced(failed)), "e2e_ms_mean") == "every measured request failed");
  CHECK(blank(summarize(priced(uncounted)), "tpot_ms_mean") ==
        "no answer came in more than one piece with its tokens counted");
}

}  // namespace
}  // namespace pennyweight
