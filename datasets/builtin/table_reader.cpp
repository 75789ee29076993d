// The second computation of table_arith, from the CSV text. Shares no code with the generator:
// columns by name, sums by group in a map, rounding in decimal digits.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <string>

#include "datasets/builtin/table_arith.h"

namespace pennyweight {
namespace {

using Record = std::map<std::string, std::string, std::less<>>;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == separator) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

std::vector<Record> parse_csv(std::string_view csv) {
  std::vector<Record> records;
  std::vector<std::string> header;
  for (const std::string& line : split(csv, '\n')) {
    const std::vector<std::string> cells = split(line, ',');
    if (header.empty()) {
      header = cells;
      continue;
    }
    Record record;
    for (std::size_t i = 0; i < std::min(header.size(), cells.size()); ++i) {
      record[header[i]] = cells[i];
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::uint64_t number(const std::string& text) {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::uint64_t revenue(Record& record) {
  return number(record["units"]) * number(record["price"]);
}

// Long division, one digit after the other, rounded by the digit that follows the last.
std::string percent_with_one_decimal(std::uint64_t part, std::uint64_t whole) {
  std::uint64_t remainder = part * 100;
  const std::uint64_t units = remainder / whole;
  remainder = remainder % whole * 10;
  const std::uint64_t tenths = remainder / whole;
  const bool up = remainder % whole * 10 / whole >= 5;
  const std::uint64_t rounded = units * 10 + tenths + (up ? 1 : 0);
  const std::string digits = std::to_string(rounded);
  return (digits.size() > 1 ? digits.substr(0, digits.size() - 1) : "0") + "." + digits.back();
}

}  // namespace

Result<std::string> answer_from_csv(std::string_view csv, const TableTask& asked) {
  std::vector<Record> records = parse_csv(csv);
  std::map<std::string, std::uint64_t> by_product, by_region, by_both;
  for (Record& record : records) {
    by_product[record["product"]] += revenue(record);
    by_region[record["region"]] += revenue(record);
    by_both[record["region"] + "/" + record["product"]] += revenue(record);
  }
  switch (asked.kind) {
    case TableQuestion::lookup:
      for (Record& record : records) {
        if (record["id"] == std::to_string(asked.row + 1)) {
          return record[asked.price ? "price" : "units"];
        }
      }
      break;
    case TableQuestion::filtered_sum:
      return std::to_string(by_product[asked.product]);
    case TableQuestion::best_group: {
      const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
      const auto best = std::max_element(by_region.begin(), by_region.end(), less);
      if (best != by_region.end()) return std::to_string(best->second);
      break;
    }
    case TableQuestion::share_of_region: {
      const std::uint64_t whole = by_region[asked.region];
      if (whole > 0) {
        return percent_with_one_decimal(by_both[asked.region + "/" + asked.product], whole);
      }
      break;
    }
  }
  return fail(ErrorKind::internal, "the table holds no answer");
}

}  // namespace pennyweight
