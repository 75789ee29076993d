#include "metrics/base/units.h"

#include "tests/test.h"

namespace pennyweight {
namespace {

TEST_CASE("a decimal text becomes money exactly or is refused") {
  CHECK(parse_money("0.15", kUsd)->pico == 150'000'000'000);
  CHECK(parse_money("1e-3", kUsd)->pico == 1'000'000'000);
  CHECK(parse_money("2.5E+1", kKrw)->pico == 25'000'000'000'000);
  CHECK(parse_money("-0.000000000001", kUsd)->pico == -1);
  CHECK(parse_money("0.100000000000000000000", kUsd)->pico == 100'000'000'000);
  CHECK(parse_money("00012", kUsd)->pico == 12'000'000'000'000);
  CHECK(parse_money("0", kKrw) == Money{0, kKrw});
  CHECK(parse_money("9223372.036854775807", kUsd)->pico == INT64_MAX);
  const char* const bad =
      GENERATE("", ".", "-", "1.2.3", "1e", "1e5x", "0x10", "1,5", " 1", "1 ", "nan", "inf",
               "9223372.036854775808", "1e-13", "1e99", "1e9999", "0.0000000000001", "+1", "--1");
  CHECK_FALSE(parse_money(bad, kUsd));
}

TEST_CASE("money prints with as many decimals as it needs and reads back") {
  CHECK(money_text({36'000'000, kUsd}) == "0.000036");
  CHECK(money_text({0, kUsd}) == "0");
  CHECK(money_text({5'000'000'000'000, kUsd}) == "5");
  CHECK(money_text({-1, kUsd}) == "-0.000000000001");
  const std::int64_t pico = GENERATE(INT64_MIN, INT64_MAX, -1, 1, 123'456'789'012'345, 10);
  CHECK(parse_money(money_text({pico, kKrw}), kKrw) == Money{pico, kKrw});
}

TEST_CASE("moneys of two currencies never add, and a sum that overflows is empty") {
  CHECK_FALSE(add({1, kUsd}, {1, kKrw}));
  CHECK(add({1, kKrw}, {2, kKrw}) == Money{3, kKrw});
  CHECK_FALSE(add({INT64_MAX, kUsd}, {1, kUsd}));
}

TEST_CASE("scaling rounds once, half to even") {
  CHECK(scale({5, kUsd}, 1, 2)->pico == 2);
  CHECK(scale({7, kUsd}, 1, 2)->pico == 4);
  CHECK(scale({-5, kUsd}, 1, 2)->pico == -2);
  CHECK(scale({-7, kUsd}, 1, 2)->pico == -4);
  CHECK(scale({8, kUsd}, 1, 3)->pico == 3);
  CHECK(scale({INT64_MAX, kUsd}, INT64_MAX, INT64_MAX)->pico == INT64_MAX);
  CHECK_FALSE(scale({INT64_MAX, kUsd}, 2));
  CHECK_FALSE(scale({1, kUsd}, 1, 0));
}

TEST_CASE("a currency is three capital letters") {
  CHECK(parse_currency("KRW") == kKrw);
  CHECK_FALSE(parse_currency("usd"));
  CHECK_FALSE(parse_currency("US"));
  CHECK_FALSE(parse_currency("USDT"));
}

TEST_CASE("durations are a number and a unit") {
  using namespace std::chrono_literals;
  CHECK(parse_duration("800ms") == 800ms);
  CHECK(parse_duration("1.5h") == 90min);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("2s") == 2s);
  CHECK(parse_duration("250us") == 250us);
  CHECK(parse_duration("10ns") == 10ns);
  const char* const bad = GENERATE("", "5", "ms", "-5s", "-0s", "5 s", "5sec", "1e3s", "nans",
                                   "infs", "9e9h", "99999999999h");
  CHECK_FALSE(parse_duration(bad));
}

TEST_CASE("watts over time are joules") {
  CHECK((Watts{15} * std::chrono::milliseconds(2000)).value == Approx(30));
}

}  // namespace
}  // namespace pennyweight
