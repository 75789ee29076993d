#include "reports/pricing.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace pennyweight {
namespace {

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

const PriceRow* Pricing::of_day(const std::string& day) const {
  const PriceRow* found = nullptr;
  for (const UsedPrice& price : used) {
    if (price.row.effective_from <= day) found = &price.row;
  }
  return found;
}

std::string price_day(const RunFacts& facts, const RequestRecord& record,
                      const ReportOptions& options) {
  if (options.price_date) return *options.price_date;
  const std::optional<Instant> at = record.sent ? record.sent : record.scheduled;
  for (const Sitting& sitting : facts.sittings) {
    if (!at || sitting.number != record.sitting) continue;
    if (const auto time = to_unix(sitting, *at)) return date_of(*time);
  }
  return date_of(facts.run.started);
}

Result<Pricing> price_cell(const RunFacts& facts, const CellInfo& cell,
                           std::span<const RequestRecord> records, const ReportOptions& options) {
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
  const std::string& key = out.rule.price_key;
  const PriceBook& book = options.price_book ? *options.price_book : PriceBook::embedded();
  const std::vector<PriceRow>& rows = recomputed(options) ? book.rows() : facts.prices;
  std::set<std::string> days;
  for (const RequestRecord& record : records) days.insert(price_day(facts, record, options));
  if (days.empty()) days.insert(options.price_date.value_or(date_of(facts.run.started)));
  for (const std::string& day : days) {
    const PriceRow* row = price_in_force(rows, key, day);
    out.complete = out.complete && row != nullptr;
    if (row == nullptr) continue;
    if (out.used.empty() || out.used.back().row.effective_from != row->effective_from) {
      out.used.push_back({*row, {}, {}});
    }
    const auto in_book = book.find(key, day);
    const bool holds = in_book && in_book->effective_from == row->effective_from;
    out.used.back().day = day;
    out.used.back().checked =
        holds ? std::max(book.as_of(), row->effective_from) : row->effective_from;
  }
  return out;
}

std::string in_words(const std::string& target, const Pricing& pricing) {
  const CostRule& rule = pricing.rule;
  std::string words;
  for (const UsedPrice& price : pricing.used) {
    words += (words.empty() ? "" : "; then ") + in_words(price.row);
  }
  if (words.empty() && rule.kind == CostRule::Kind::tokens) {
    words = "no price of " + rule.price_key + " is known";
  }
  if (words.empty()) words = rule.words;
  if (words.empty()) {
    words = rule.kind == CostRule::Kind::machine ? in_words(rule.machine) : "not priced";
  }
  return target + ": " + words +
         (rule.illustrative ? " (illustrative: not what this target itself costs)" : "");
}

std::string prices_in_words(const ReportOptions& options) {
  if (!recomputed(options)) return "stored with the run";
  std::string out = "recomputed";
  out += options.price_book ? " with another price book" : " with this program's price book";
  out +=
      options.price_date ? ", prices of " + *options.price_date : ", prices of each request's day";
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
