#include "metrics/price_book.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "metrics/base/text_template.h"

namespace pennyweight {

extern const std::string_view price_book_json;  // made from price_book.json by CMake

namespace {

std::optional<int> parse_digits(std::string_view text) {
  int out = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    out = out * 10 + (c - '0');
  }
  return out;
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const auto year = parse_digits(text.substr(0, 4));
  const auto month = parse_digits(text.substr(5, 2));
  const auto day = parse_digits(text.substr(8, 2));
  return year && month && day &&
         std::chrono::year_month_day(std::chrono::year(*year),
                                     std::chrono::month(static_cast<unsigned>(*month)),
                                     std::chrono::day(static_cast<unsigned>(*day)))
             .ok();
}

// Reads one row; the error names the field.
class RowReader {
 public:
  explicit RowReader(const Value& row) : row_(row) {}

  Result<PriceRow> read() {
    PriceRow out;
    if (row_.map() == nullptr) return bad("the row", "is not a map");
    if (auto known = check_keys(); !known) return fail(known.error());
    const std::array texts = {std::pair("provider", &out.provider), std::pair("model", &out.model),
                              std::pair("from", &out.effective_from),
                              std::pair("source", &out.source)};
    for (const auto& [key, target] : texts) {
      const std::string* text = text_at(key);
      if (text == nullptr || text->empty()) return bad(key, "is not a text");
      *target = *text;
    }
    if (!is_date(out.effective_from)) return bad("from", "is not a date such as 2024-06-17");
    const Value* verified = row_.find("verified");
    if (verified == nullptr || verified->boolean() == nullptr) {
      return bad("verified", "is neither true nor false");
    }
    out.verified = *verified->boolean();
    if (auto prices = read_prices(out); !prices) return fail(prices.error());
    return out;
  }

 private:
  static constexpr std::array<std::string_view, 10> kKeys = {
      "provider", "model",    "input", "cached_input", "cache_write",
      "output",   "currency", "from",  "verified",     "source"};

  static tl::unexpected<Error> bad(std::string_view field, std::string_view what) {
    return fail(ErrorKind::invalid_input, std::string(field) + " " + std::string(what));
  }
  const std::string* text_at(std::string_view key) const {
    const Value* value = row_.find(key);
    return value == nullptr ? nullptr : value->text();
  }
  Result<void> check_keys() const {
    for (const auto& [key, value] : *row_.map()) {
      if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
        return bad(key, "is not a field of a price row");
      }
    }
    return {};
  }
  Result<void> read_prices(PriceRow& out) const {
    const std::string* code = text_at("currency");
    const auto currency = code == nullptr ? std::nullopt : parse_currency(*code);
    if (!currency) return bad("currency", "is not three capital letters");
    const std::array prices = {
        std::pair("input", &out.input_per_1m), std::pair("cached_input", &out.cached_input_per_1m),
        std::pair("cache_write", &out.cache_write_per_1m), std::pair("output", &out.output_per_1m)};
    for (const auto& [key, target] : prices) {
      if (row_.find(key) == nullptr) continue;
      const std::string* text = text_at(key);
      *target = text == nullptr ? std::nullopt : parse_money(*text, *currency);
      if (!*target || (*target)->pico < 0) return bad(key, "is not a decimal text of at least 0");
    }
    return {};
  }

  const Value& row_;
};

}  // namespace

Result<PriceBook> PriceBook::parse(std::string_view json) {
  const Result<Value> value = parse_json(json);
  if (!value) return fail(value.error());
  const auto bad = [](std::string why) {
    return fail(ErrorKind::invalid_input, "this is not a price book", std::move(why));
  };
  PriceBook book;
  const Value* as_of = value->find("as_of");
  if (as_of == nullptr || as_of->text() == nullptr || !is_date(*as_of->text())) {
    return bad("as_of is not a date such as 2024-06-17");
  }
  book.as_of_ = *as_of->text();
  const Value* rows = value->find("rows");
  if (rows == nullptr || rows->list() == nullptr) return bad("rows is not a list");
  for (const Value& item : *rows->list()) {
    Result<PriceRow> row = RowReader(item).read();
    const std::string number = "row " + std::to_string(book.rows_.size() + 1);
    if (!row) return bad(number + ": " + row.error().what);
    for (const PriceRow& other : book.rows_) {
      if (other.provider == row->provider && other.model == row->model &&
          other.effective_from == row->effective_from) {
        return bad(number + ": from is that of another row of " + row->key());
      }
    }
    book.rows_.push_back(std::move(*row));
  }
  return book;
}

const PriceBook& PriceBook::embedded() {
  // A test holds that the embedded book parses; were it not so, every price would be unknown.
  static const PriceBook book = parse(price_book_json).value_or(PriceBook());
  return book;
}

const PriceRow* price_in_force(std::span<const PriceRow> rows, std::string_view key,
                               std::string_view date) {
  const PriceRow* best = nullptr;
  for (const PriceRow& row : rows) {
    if (row.effective_from > date || row.key() != key) continue;
    if (best == nullptr || row.effective_from > best->effective_from) best = &row;
  }
  return best;
}

std::optional<PriceRow> PriceBook::find(std::string_view key, std::string_view date) const {
  const PriceRow* row = price_in_force(rows_, key, date);
  return row == nullptr ? std::nullopt : std::optional(*row);
}

std::vector<PriceRow> PriceBook::since(std::string_view key, std::string_view date) const {
  const PriceRow* first = price_in_force(rows_, key, date);
  std::vector<PriceRow> out;
  for (const PriceRow& row : rows_) {
    if (row.key() == key && (&row == first || row.effective_from > date)) out.push_back(row);
  }
  return out;
}

std::vector<std::string> PriceBook::keys() const {
  std::vector<std::string> out;
  for (const PriceRow& row : rows_) out.push_back(row.key());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace pennyweight
