// The content of a report's tables, free of any format: typed cells, units, decimals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "metrics/base/clock.h"

namespace pennyweight {

// How a column's numbers are written everywhere: fixed notation, so many decimals at most, trailing
// zeros trimmed. No locale, no thousands separators in files.
enum class CellType : std::uint8_t { text, integer, real, boolean, date };

std::string_view to_text(CellType type);  // its name

struct Column {
  std::string key;    // "ttft_ms_p95": <metric>_<unit>_<stat>, append-only
  std::string title;  // "TTFT p95 (ms)", for people
  CellType type = CellType::text;
  int decimals = 3;
  std::string description;  // one sentence with the formula, for the dictionary
  // Place in the terminal and Markdown tables, from 1; 0: not there. There an interval X_ci_low,
  // X_ci_high stands behind X: "0.84 [0.753, 0.901]", X_rate is in percent, and a load point that
  // is the same in all rows is left out.
  int headline = 0;
};

// monostate: not measured or not applicable; the reason stands in Table::blanks.
using Cell = std::variant<std::monostate, std::string, std::int64_t, double, bool, UnixTime>;

struct Table {
  std::string name;  // "summary": file, sheet and --table name
  std::string title;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // each as long as columns
  struct Blank {
    std::string column, row, reason;  // row: what identifies it, "demo-small"
  };
  std::vector<Blank> blanks;
  const Column* column(std::string_view key) const;  // null for an unknown key
};

// `value` with so many significant digits, and at most so many decimals; the integer part is never
// cut. "" for what is not finite.
std::string significant(double value, int digits, int most_decimals);

// "1234.5", "" for monostate and for what is not finite. As written in CSV, JSON and Markdown.
std::string cell_text(const Cell& cell, const Column& column);

}  // namespace pennyweight
