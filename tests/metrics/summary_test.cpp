#include "metrics/summary.h"

#include <algorithm>
#include <set>

#include "tests/test.h"

namespace pennyweight {
namespace {

Instant ms(std::int64_t t) {
  return Instant(std::chrono::milliseconds(t));
}

// Scheduled at `at` ms, sent 10 ms later, tokens at 110, 160 and 210 after that, done at 220.
RequestRecord answer(const std::string& task, int repeat, std::int64_t at) {
  RequestRecord r;
  r.task_id = task;
  r.repeat = repeat;
  r.scheduled = ms(at);
  r.sent = r.issued = ms(at + 10);
  r.chunks = {{ms(at + 120), ChunkKind::content, 4, 1},
              {ms(at + 170), ChunkKind::content, 4, 1},
              {ms(at + 220), ChunkKind::content, 4, 1}};
  r.done = ms(at + 230);
  r.answer = "열두 bytes";
  r.input_bytes = 100;
  r.usage.input_tokens = 1200;
  r.usage.output_tokens = 300;
  r.usage.source = TokenSource::server_usage;
  r.finish = Finish::stop;
  derive_token_instants(r);
  return r;
}

RequestRecord failure(const std::string& task, int repeat, std::int64_t at, Failure kind) {
  RequestRecord r = answer(task, repeat, at);
  r.failure = kind;
  r.finish = Finish::none;
  r.usage = {};
  return r;
}

StoredScore score(const std::string& task, int repeat, std::optional<double> value,
                  Outcome outcome = Outcome::ok) {
  StoredScore s;
  s.task_id = task;
  s.repeat = repeat;
  s.score = value;
  s.outcome = outcome;
  return s;
}

// n answers of n tasks, one after the other, a second apart.
std::vector<RequestRecord> answers(int n) {
  std::vector<RequestRecord> out;
  for (int i = 0; i < n; ++i) out.push_back(answer("t" + std::to_string(i), 0, 1000 * i));
  return out;
}

SummaryInput input_of(const std::vector<RequestRecord>& records,
                      const std::vector<StoredScore>& scores = {}) {
  SummaryInput input;
  input.cell.planned_requests = static_cast<int>(records.size());
  input.records = records;
  input.scores = scores;
  input.no_energy_reason = "not measurable from here";
  return input;
}

SummaryInput priced(const std::vector<RequestRecord>& records) {
  SummaryInput input = input_of(records);
  input.cost_rule.kind = CostRule::Kind::tokens;
  input.cost_rule.price_key = "openai/gpt-4o";
  input.price = PriceBook::embedded().find("openai/gpt-4o", "2024-06-17");
  return input;
}

std::string blank(const Summary& s, const std::string& column) {
  for (const auto& [name, why] : s.blanks) {
    if (name == column) return why;
  }
  return "";
}

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

TEST_CASE("a cell priced by tokens costs what all its calls cost") {
  std::vector<RequestRecord> records = answers(4);
  RequestRecord refused = failure("r", 0, 9000, Failure::refused);
  refused.usage = records[0].usage;
  records.push_back(refused);
  records.push_back(failure("busy", 0, 9500, Failure::rate_limited));
  const std::vector<StoredScore> scores{score("t0", 0, 1), score("t1", 0, 1), score("t2", 0, 0)};
  SummaryInput input = priced(records);
  input.scores = scores;
  const Summary s = summarize(input);
  REQUIRE(s.cost_total);
  CHECK(money_text(*s.cost_total) == "0.0525");  // five times $0.0105
  CHECK(*s.cost_per_1m_output_tokens == Approx(0.0525 / 1200 * 1e6));
  CHECK(*s.cost_per_1m_tokens == Approx(0.0525 / 6000 * 1e6));
  CHECK(*s.cost_per_1k_tasks == Approx(0.0525 / 4 * 1000));
  CHECK(*s.cost_per_correct == Approx(0.0525 / 2));
  CHECK(blank(s, "cost_usd_total") == "");
  CHECK(blank(s, "cost_machine_usd_total") == "this target is priced by tokens");
}

TEST_CASE("calls of unknown usage are counted, and the known ones make a lower bound") {
  std::vector<RequestRecord> records = answers(3);
  records[1].usage = {};
  records.push_back(failure("late", 0, 9000, Failure::timeout));
  Summary s = summarize(priced(records));
  CHECK(s.cost_unknown_calls == 2);
  REQUIRE(s.cost_total);
  CHECK(money_text(*s.cost_total) == "0.021");  // two times $0.0105
  CHECK(*s.cost_per_1k_tasks == Approx(0.021 / 3 * 1000));
  CHECK_FALSE(s.output_tokens);
  CHECK(blank(s, "cost_usd_per_1m_tokens") == "not all answers came with a token count");
  records.back().sent.reset();  // never left this machine
  CHECK(summarize(priced(records)).cost_unknown_calls == 1);
}

TEST_CASE("an unknown cost is blank with the reason") {
  std::vector<RequestRecord> records = answers(3);
  for (RequestRecord& r : records) r.usage = {};
  Summary s = summarize(priced(records));
  CHECK_FALSE(s.cost_total);
  CHECK_FALSE(s.cost_per_1k_tasks);
  CHECK(blank(s, "cost_usd_per_1m_tokens") == "the server sent no token count with 3 of 3 answers");
  CHECK(blank(s, "output_tokens_total") == "not all answers came with a token count");
  s = summarize(priced({failure("late", 0, 9000, Failure::timeout)}));
  CHECK(blank(s, "cost_usd_total").find("1 failed calls may have been billed") == 0);

  SummaryInput unpriced = priced(records);
  unpriced.price.reset();
  s = summarize(unpriced);
  CHECK(blank(s, "cost_usd_per_correct") == "no price for openai/gpt-4o at the date of the run");
}

TEST_CASE("a price in won stays in won and leaves the dollar columns blank") {
  const std::vector<RequestRecord> records = answers(2);
  SummaryInput input = priced(records);
  input.price = PriceBook::embedded().find("naver/HCX-DASH-001", "2024-06-17");
  const Summary s = summarize(input);
  CHECK(s.cost_currency == kKrw);
  CHECK(money_text(*s.cost_total) == "3");
  CHECK(*s.cost_per_1k_tasks == Approx(1500));
  CHECK(blank(s, "cost_usd_total") == "the price is in KRW, and no exchange rate is given");
}

// A package that draws 20 W for a minute, read every 100 ms.
EnergyLedger twenty_watts() {
  EnergySourceInfo source;
  source.id = "rapl:0";
  source.name = "package-0";
  source.state = EnergyState::measured;
  source.counted = true;
  std::vector<EnergySample> samples;
  for (int i = 0; i <= 600; ++i) {
    EnergySample sample;
    sample.source_id = source.id;
    sample.at = ms(100 * i);
    sample.raw_uj = static_cast<std::uint64_t>(i) * 2'000'000;
    samples.push_back(sample);
  }
  return EnergyLedger(std::span(&source, 1), samples);
}

SummaryInput own_machine(const std::vector<RequestRecord>& records) {
  SummaryInput input = input_of(records);
  input.cost_rule.kind = CostRule::Kind::machine;
  input.cost_rule.machine.per_hour = parse_money("3.6", kUsd);
  input.cost_rule.machine.electricity_per_kwh = parse_money("0.36", kUsd);
  return input;
}

TEST_CASE("a machine costs its busy time, and electricity where energy is known") {
  const std::vector<RequestRecord> records = answers(10);
  const EnergyLedger ledger = twenty_watts();
  SummaryInput input = own_machine(records);
  input.energy = &ledger;
  const Summary s = summarize(input);
  CHECK(s.energy.state == EnergyState::measured);
  CHECK(s.energy.joules.value == Approx(44));
  CHECK(*s.joules_per_task == Approx(4.4));
  CHECK(*s.joules_per_output_token == Approx(44.0 / 3000));
  CHECK(money_text(*s.cost_machine) == "0.0022");
  CHECK(to_double(*s.cost_electricity) == Approx(44 * 1e-7));
  CHECK(to_double(*s.cost_total) == Approx(0.0022 + 44e-7));
  CHECK(blank(s, "energy_j_total") == "");
}

TEST_CASE("without energy a machine still costs its time, and the blanks say why") {
  const std::vector<RequestRecord> records = answers(10);
  const Summary s = summarize(own_machine(records));
  CHECK(s.energy.state == EnergyState::unavailable);
  CHECK(money_text(*s.cost_total) == "0.0022");
  CHECK_FALSE(s.cost_electricity);
  CHECK(blank(s, "energy_j_per_task") == "not measurable from here");
  CHECK(blank(s, "cost_electricity_usd_total") ==
        "energy is unavailable: not measurable from here");
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
