// What providers charge, with the date and the source of every number. The book is embedded in the
// program (price_book.json); a row is never changed, a later one is added.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/clock.h"
#include "metrics/base/result.h"
#include "metrics/base/units.h"
#include "metrics/record.h"

namespace pennyweight {

// Prices are Money for 1M tokens. Empty = not offered or not known, never free.
struct PriceRow {
  std::string provider,
      model;  // "openai", "gpt-4o"; "model@>128k" = whole request above that prompt
  std::optional<Money> input_per_1m, cached_input_per_1m, cache_write_per_1m, output_per_1m;
  std::string effective_from;  // YYYY-MM-DD, UTC
  std::string source;
  bool verified = false;  // false: memory, derivation or conflict; reports mark it
  std::string key() const { return provider + "/" + model; }
};

// The row of `key` in force on `date` (YYYY-MM-DD): greatest effective_from <= date. Null: unknown.
const PriceRow* price_in_force(std::span<const PriceRow> rows, std::string_view key,
                               std::string_view date);

class PriceBook {
 public:
  // Bytes of the JSON format of price_book.json; an error names row and field.
  static Result<PriceBook> parse(std::string_view json);
  static const PriceBook& embedded();

  const std::string& as_of() const { return as_of_; }  // date of the newest check
  const std::vector<PriceRow>& rows() const { return rows_; }
  // The row in force on `date`. Unknown: empty.
  std::optional<PriceRow> find(std::string_view key, std::string_view date) const;
  // That row and all later ones: what a run begun on `date` may need, however long it takes.
  std::vector<PriceRow> since(std::string_view key, std::string_view date) const;
  std::vector<std::string> keys() const;  // for suggestions

 private:
  std::string as_of_;
  std::vector<PriceRow> rows_;
};

}  // namespace pennyweight
