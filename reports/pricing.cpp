#include "reports/pricing.h"

#include <algorithm>
#include <charconv>

namespace pennyweight {
namespace {

std::optional<PriceRow> newest(std::span<const PriceRow> rows, const std::string& key,
                               const std::string& date) {
  std::optional<PriceRow> best;
  for (const PriceRow& row : rows) {
    if (row.key() != key || row.effective_from > date) continue;
    if (!best || best->effective_from < row.effective_from) best = row;
  }
  return best;
}

bool recomputed(const ReportOptions& options) {
  return options.price_date || options.price_book;
}

std::optional<std::chrono::sys_days> parse_date(const std::string& text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = -1;
    const char* end = text.data() + at + length;
    return std::from_chars(text.data() + at, end, value).ptr == end ? value : -1;
  };
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2);
  if (year < 0 || month < 0 || day < 0) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

}  // namespace

Result<Pricing> price_cell(const RunInfo& run, const CellInfo& cell,
                           std::span<const PriceRow> stored, const ReportOptions& options) {
  Pricing out;
  const Value* kept = cell.target_facts.find("cost");
  if (kept == nullptr) return out;
  auto rule = cost_rule_from_value(*kept);
  if (!rule) {
    return fail(ErrorKind::invalid_input, "target \"" + cell.target + "\": " + rule.error().what,
                rule.error().why, rule.error().fix);
  }
  out.rule = std::move(*rule);
  if (out.rule.kind != CostRule::Kind::tokens) return out;
  out.date = options.price_date.value_or(date_of(run.started));
  const PriceBook& book = options.price_book ? *options.price_book : PriceBook::embedded();
  const auto in_force = book.find(out.rule.price_key, out.date);
  if (recomputed(options)) {
    out.price = in_force;
    out.rule.words.clear();  // they name the row that is no longer used
  } else {
    out.price = newest(stored, out.rule.price_key, out.date);
  }
  if (out.price) {
    const bool holds = in_force && in_force->effective_from == out.price->effective_from;
    out.checked =
        holds ? std::max(book.as_of(), out.price->effective_from) : out.price->effective_from;
  }
  return out;
}

std::string in_words(const std::string& target, const Pricing& pricing) {
  const CostRule& rule = pricing.rule;
  std::string words = rule.words;
  if (words.empty()) {
    switch (rule.kind) {
      case CostRule::Kind::none:
        words = "not priced";
        break;
      case CostRule::Kind::machine:
        words = in_words(rule.machine);
        break;
      case CostRule::Kind::tokens:
        words = pricing.price ? in_words(*pricing.price)
                              : "no price of " + rule.price_key + " is known";
    }
  }
  return target + ": " + words +
         (rule.illustrative ? " (illustrative: not what this target itself costs)" : "");
}

std::string prices_in_words(const ReportOptions& options) {
  if (!recomputed(options)) return "stored with the run";
  std::string out = "recomputed";
  out += options.price_book ? " with another price book" : " with this program's price book";
  out += options.price_date ? ", prices of " + *options.price_date : ", prices of the run's date";
  return out;
}

Result<void> check_price_date(const ReportOptions& options) {
  if (!options.price_date || parse_date(*options.price_date)) return {};
  return fail(ErrorKind::usage, "--price-date \"" + *options.price_date + "\" is not a date", "",
              "give a day of the calendar as YYYY-MM-DD: --price-date 2026-01-31");
}

std::string date_of(UnixTime time) {
  return std::string(utc_text(time).text).substr(0, 10);
}

std::optional<int> days_between(const std::string& from, const std::string& to) {
  const auto first = parse_date(from), last = parse_date(to);
  if (!first || !last) return std::nullopt;
  return static_cast<int>((*last - *first).count());
}

}  // namespace pennyweight
