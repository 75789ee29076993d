#include "metrics/cost.h"
#include "tests/test.h"

using namespace pennyweight;

TEST_CASE("A machine rule comes back from its stored form with exact rates") {
  CostRule rule;
  rule.kind = CostRule::Kind::machine;
  rule.machine.per_hour = parse_money("0.40", kUsd);
  rule.machine.electricity_per_kwh = parse_money("0.15", kUsd);
  rule.illustrative = true;
  rule.words = "$0.40 an hour, 전기 $0.15 per kWh";

  const Value stored = to_value(rule);
  REQUIRE(stored.find("kind") != nullptr);
  CHECK(*stored.find("kind")->text() == "machine");
  CHECK(*stored.find("currency")->text() == "USD");
  CHECK(stored.find("price_key") == nullptr);

  const auto again = cost_rule_from_value(stored);
  REQUIRE(again);
  CHECK(again->kind == CostRule::Kind::machine);
  CHECK(again->machine.per_hour == rule.machine.per_hour);
  CHECK(again->machine.electricity_per_kwh == rule.machine.electricity_per_kwh);
  CHECK(again->illustrative);
  CHECK(again->words == rule.words);
}

TEST_CASE("Rates keep their currency when stored") {
  CostRule rule;
  rule.kind = CostRule::Kind::machine;
  rule.machine.electricity_per_kwh = Money{150'000'000'000'000, kKrw};
  const auto again = cost_rule_from_value(to_value(rule));
  REQUIRE(again);
  CHECK_FALSE(again->machine.per_hour);
  CHECK(again->machine.electricity_per_kwh == rule.machine.electricity_per_kwh);
}

TEST_CASE("A token rule and the empty rule come back as they were") {
  CostRule tokens;
  tokens.kind = CostRule::Kind::tokens;
  tokens.price_key = "groq/llama-3.1-8b-instant";
  const auto again = cost_rule_from_value(to_value(tokens));
  REQUIRE(again);
  CHECK(again->kind == CostRule::Kind::tokens);
  CHECK(again->price_key == tokens.price_key);
  CHECK_FALSE(again->illustrative);

  const auto none = cost_rule_from_value(to_value(CostRule{}));
  REQUIRE(none);
  CHECK(none->kind == CostRule::Kind::none);
}

TEST_CASE("A stored rule that is damaged is refused by name") {
  const auto message = [](const Value& value) {
    const auto rule = cost_rule_from_value(value);
    REQUIRE_FALSE(rule);
    CHECK(rule.error().kind == ErrorKind::invalid_input);
    return rule.error().what;
  };
  CHECK(message(Value()).find("kind") != std::string::npos);
  CHECK(message(Value(Value::Map{{"kind", "free"}})).find("free") != std::string::npos);
  CHECK(message(Value(Value::Map{{"kind", "machine"}, {"machine_per_hour", "0,40"}}))
            .find("machine_per_hour") != std::string::npos);
  CHECK(message(Value(Value::Map{{"kind", "machine"}, {"electricity_per_kwh", "-1"}}))
            .find("electricity_per_kwh") != std::string::npos);
  CHECK(message(Value(Value::Map{{"kind", "machine"}, {"machine_per_hour", 0.4}}))
            .find("machine_per_hour") != std::string::npos);
  CHECK(message(Value(Value::Map{{"kind", "machine"}, {"currency", "usd"}})).find("currency") !=
        std::string::npos);
}

TEST_CASE("Prices and rates are said with their currency, and what is unknown is not free") {
  PriceRow row;
  row.provider = "groq";
  row.model = "llama-3.1-8b-instant";
  row.effective_from = "2026-08-21";
  row.input_per_1m = parse_money("0.05", kUsd);
  CHECK(in_words(row) ==
        "groq/llama-3.1-8b-instant from 2026-08-21: $0.05 in, unknown out per 1M tokens");
  MachineRate rate;
  rate.per_hour = parse_money("0.40", kUsd);
  CHECK(in_words(rate) == "$0.4 per hour of use");
  rate.electricity_per_kwh = parse_money("150", kKrw);
  CHECK(in_words(rate) == "$0.4 per hour of use and KRW 150 per kWh");
}
