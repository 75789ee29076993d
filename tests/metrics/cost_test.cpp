#include "metrics/cost.h"

#include "tests/test.h"

namespace pennyweight {
namespace {

Usage tokens(std::int64_t input, std::int64_t output,
             std::optional<std::int64_t> cached = std::nullopt) {
  Usage usage;
  usage.input_tokens = input;
  usage.output_tokens = output;
  usage.cached_tokens = cached;
  return usage;
}
PriceRow prices(const char* input, const char* output, Currency currency = kUsd) {
  PriceRow row;
  row.input_per_1m = parse_money(input, currency);
  row.output_per_1m = parse_money(output, currency);
  return row;
}

TEST_CASE("GPT-4o on 2024-06-17 costs $5 in and $15 out per 1M tokens, to the last digit") {
  const auto row = PriceBook::embedded().find("openai/gpt-4o", "2024-06-17");
  REQUIRE(row);
  CHECK(money_text(*token_cost(tokens(1200, 300), *row)) == "0.0105");
  CHECK(money_text(*token_cost(tokens(1'000'000, 1'000'000), *row)) == "20");
  CHECK(money_text(*token_cost(tokens(1, 1), *row)) == "0.00002");
}

TEST_CASE("published price examples are exact") {
  CHECK(money_text(*token_cost(tokens(1200, 300), prices("0.15", "0.6"))) == "0.00036");
  CHECK(money_text(*token_cost(tokens(1200, 300), prices("2.5", "10"))) == "0.006");
  CHECK(money_text(*token_cost(tokens(8000, 150), prices("3", "15"))) == "0.02625");
}

TEST_CASE("a price in won costs won") {
  const auto row = PriceBook::embedded().find("naver/HCX-DASH-001", "2024-06-17");
  REQUIRE(row);
  const auto cost = token_cost(tokens(1500, 500), *row);
  CHECK(cost->currency == kKrw);
  CHECK(money_text(*cost) == "2");
}

TEST_CASE("cached tokens have their own price, or that of the input") {
  PriceRow row = prices("2.5", "10");
  CHECK(money_text(*token_cost(tokens(1000, 0, 400), row)) == "0.0025");
  row.cached_input_per_1m = parse_money("1.25", kUsd);
  CHECK(money_text(*token_cost(tokens(1000, 0, 400), row)) == "0.002");
  CHECK_FALSE(token_cost(tokens(1000, 0, 1001), row));
}

TEST_CASE("a cost is rounded once, half to even") {
  // Prices below 1 pico a token: 0.5 of it is a tie.
  PriceRow row;
  row.input_per_1m = Money{500'000, kUsd};
  row.output_per_1m = Money{250'000, kUsd};
  CHECK(token_cost(tokens(1, 0), row)->pico == 0);
  CHECK(token_cost(tokens(3, 0), row)->pico == 2);
  CHECK(token_cost(tokens(5, 0), row)->pico == 2);
  CHECK(token_cost(tokens(1, 1), row)->pico == 1);  // 0.75: each part alone would round to 0
  CHECK(token_cost(tokens(1, 2), row)->pico == 1);
  CHECK(token_cost(tokens(0, 7), row)->pico == 2);  // 1.75
}

TEST_CASE("unknown tokens or prices give no cost, never 0") {
  Usage no_output;
  no_output.input_tokens = 5;
  CHECK_FALSE(token_cost(no_output, prices("1", "1")));
  CHECK_FALSE(token_cost({}, prices("1", "1")));
  CHECK_FALSE(token_cost(tokens(1, 1), PriceRow{}));
  CHECK_FALSE(token_cost(tokens(0, 0), PriceRow{}));
  PriceRow only_input = prices("1", "1");
  only_input.output_per_1m.reset();
  CHECK_FALSE(token_cost(tokens(1, 1), only_input));
  CHECK(token_cost(tokens(1, 0), only_input)->pico == 1'000'000);
  CHECK_FALSE(token_cost(tokens(-1, 1), prices("1", "1")));
  PriceRow mixed = prices("1", "1");
  mixed.output_per_1m = parse_money("1", kKrw);
  CHECK_FALSE(token_cost(tokens(1, 1), mixed));
  CHECK_FALSE(token_cost(tokens(INT64_MAX, INT64_MAX), prices("9000000", "9000000")));
  CHECK_FALSE(token_cost(tokens(1'000'000'000, 0), prices("9000000", "0")));
}

TEST_CASE("a machine costs its hours and its electricity") {
  using namespace std::chrono_literals;
  MachineRate rate;
  rate.per_hour = parse_money("0.40", kUsd);
  rate.electricity_per_kwh = parse_money("0.15", kUsd);
  const MachineCost cost = machine_cost(rate, 90s, Joules{3'600'000});
  CHECK(money_text(*cost.machine) == "0.01");
  CHECK(money_text(*cost.electricity) == "0.15");
  CHECK(money_text(*cost.total) == "0.16");

  const MachineCost unmetered = machine_cost(rate, 90s, std::nullopt);
  CHECK_FALSE(unmetered.electricity);
  CHECK(money_text(*unmetered.total) == "0.01");

  CHECK_FALSE(machine_cost({}, 90s, Joules{5}).total);
  rate.electricity_per_kwh = parse_money("150", kKrw);
  CHECK_FALSE(machine_cost(rate, 90s, Joules{5}).total);  // currencies never add
}

}  // namespace
}  // namespace pennyweight
