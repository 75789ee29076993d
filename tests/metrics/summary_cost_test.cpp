#include "tests/metrics/summary_samples.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using namespace test;

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
  unpriced.price_of = [](const RequestRecord&) { return nullptr; };
  s = summarize(unpriced);
  CHECK(blank(s, "cost_usd_per_correct") ==
        "no price for openai/gpt-4o on the day of its requests");
}

TEST_CASE("a price in won stays in won and leaves the dollar columns blank") {
  const std::vector<RequestRecord> records = answers(2);
  SummaryInput input = priced(records);
  input.price_of = always("naver/HCX-DASH-001");
  const Summary s = summarize(input);
  CHECK(s.cost_currency == kKrw);
  CHECK(money_text(*s.cost_total) == "3");
  CHECK(*s.cost_per_1k_tasks == Approx(1500));
  CHECK(blank(s, "cost_usd_total") == "the price is in KRW, and no exchange rate is given");
}

TEST_CASE("each attempt has the price of its own day") {
  std::vector<RequestRecord> records = answers(3);
  PriceRow old, fresh;
  old.input_per_1m = old.output_per_1m = parse_money("1", kUsd);
  fresh.input_per_1m = fresh.output_per_1m = parse_money("10", kUsd);
  SummaryInput input = priced(records);
  input.price_of = [&](const RequestRecord& r) { return r.sent < ms(2000) ? &old : &fresh; };
  CHECK(money_text(*summarize(input).cost_total) == "0.018");  // 1500 tokens: 2 x 0.0015 + 0.015
  input.price_of = [&](const RequestRecord& r) { return r.sent < ms(2000) ? &old : nullptr; };
  CHECK_FALSE(summarize(input).cost_total);  // half a sum is no cost
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

}  // namespace
}  // namespace pennyweight
