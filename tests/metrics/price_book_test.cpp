#include "metrics/price_book.h"

#include <algorithm>

#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

constexpr std::string_view kRow =
    R"("provider":"p","model":"m","currency":"USD","from":"2024-05-13","verified":true,"source":"s")";

std::string book(const std::string& rows) {
  return R"({"as_of":"2026-11-23","rows":[)" + rows + "]}";
}
std::string why(const std::string& json) {
  const auto parsed = PriceBook::parse(json);
  return parsed ? "" : parsed.error().what + ": " + parsed.error().why;
}

TEST_CASE("the embedded book is the file in the repository, whole") {
  const auto file = PriceBook::parse(test::read_file(test::source_path("metrics/price_book.json")));
  REQUIRE(file);
  const PriceBook& embedded = PriceBook::embedded();
  CHECK(embedded.as_of() == "2026-11-23");
  REQUIRE(embedded.rows().size() == 209);
  REQUIRE(embedded.rows().size() == file->rows().size());
  for (std::size_t i = 0; i < 209; ++i) {
    CHECK(embedded.rows()[i].key() == file->rows()[i].key());
    CHECK(embedded.rows()[i].source == file->rows()[i].source);
  }
}

TEST_CASE("a price is the one in force on the date") {
  const PriceBook& prices = PriceBook::embedded();
  const auto june = prices.find("openai/gpt-4o", "2024-06-17");
  REQUIRE(june);
  CHECK(*june->input_per_1m == *parse_money("5", kUsd));
  CHECK(*june->output_per_1m == *parse_money("15", kUsd));
  CHECK(june->effective_from == "2024-05-13");
  CHECK_FALSE(june->cached_input_per_1m);
  CHECK(prices.find("openai/gpt-4o", "2024-05-13"));
  CHECK_FALSE(prices.find("openai/gpt-4o", "2024-05-12"));
  CHECK(*prices.find("openai/gpt-4o", "2024-10-01")->input_per_1m == *parse_money("2.5", kUsd));
  CHECK_FALSE(prices.find("openai/gpt-4o-", "2026-01-01"));
}

TEST_CASE("prices in won stay in won, and what nobody offers has no price") {
  const auto dash = PriceBook::embedded().find("naver/HCX-DASH-001", "2024-06-17");
  REQUIRE(dash);
  CHECK(*dash->input_per_1m == *parse_money("1000", kKrw));
  const auto phi = PriceBook::embedded().find("kt/midm", "2026-11-23");
  REQUIRE(phi);
  CHECK_FALSE(phi->input_per_1m);
}

TEST_CASE("keys are sorted and named once") {
  const std::vector<std::string> keys = PriceBook::embedded().keys();
  CHECK(std::is_sorted(keys.begin(), keys.end()));
  CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
  CHECK(std::count(keys.begin(), keys.end(), "openai/gpt-4o") == 1);
}

TEST_CASE("a run takes the row in force with it and all later ones") {
  const auto row = [](const char* model, const char* from) {
    return std::string(R"({"provider":"p","model":")") + model + R"(","from":")" + from +
           R"(","currency":"USD","verified":true,"source":"s","input":"1"})";
  };
  const auto parsed =
      PriceBook::parse(book(row("m", "2024-01-01") + "," + row("m", "2026-01-01") + "," +
                            row("m", "2025-01-01") + "," + row("other", "2026-01-01")));
  REQUIRE(parsed);
  const auto from = [&](const char* date) {
    std::string out;
    for (const PriceRow& r : parsed->since("p/m", date)) out += r.effective_from + " ";
    return out;
  };
  CHECK(from("2024-12-31") == "2024-01-01 2026-01-01 2025-01-01 ");
  CHECK(from("2025-01-01") == "2026-01-01 2025-01-01 ");
  CHECK(from("2030-01-01") == "2026-01-01 ");
  CHECK(from("2020-01-01") == "2024-01-01 2026-01-01 2025-01-01 ");
}

TEST_CASE("a bad price book is refused by row and field") {
  const std::string row(kRow);
  const std::string good = "{" + row + R"(,"input":"0.15"})";
  CHECK(why(book(good)).empty());
  CHECK(why(book("")).empty());
  CHECK(why(book(good + "," + good)).find("row 2: from") != std::string::npos);
  CHECK(why(book("{" + row + R"(,"input":0.15})")).find("row 1: input") != std::string::npos);
  CHECK(why(book("{" + row + R"(,"input":"-1"})")).find("row 1: input") != std::string::npos);
  CHECK(why(book("{" + row + R"(,"output":"1e-99"})")).find("output") != std::string::npos);
  CHECK(why(book("{" + row + R"(,"outptu":"1"})")).find("outptu") != std::string::npos);
  CHECK(why(book(R"({"provider":"p"})")).find("row 1: model") != std::string::npos);
  CHECK(why(book("3")).find("row 1: the row") != std::string::npos);
  for (const char* const date : {"2024-02-30", "2024-5-13", "yesterday", "2024-05-13Z"}) {
    std::string bad = good;
    bad.replace(bad.find("2024-05-13"), 10, date);
    CHECK(why(book(bad)).find("row 1: from") != std::string::npos);
  }
  std::string coin = good;
  coin.replace(coin.find("USD"), 3, "usd");
  CHECK(why(book(coin)).find("currency") != std::string::npos);
  CHECK_FALSE(why("[]").empty());
  CHECK_FALSE(why(R"({"as_of":"2026-11-23"})").empty());
  CHECK_FALSE(why(R"({"rows":[]})").empty());
  CHECK_FALSE(why("").empty());
}

}  // namespace
}  // namespace pennyweight
