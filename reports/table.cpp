#include "reports/table.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace pennyweight {
namespace {

std::string real_text(double value, int decimals) {
  if (!std::isfinite(value)) return "";
  std::string text = fmt::format("{:.{}f}", value, std::max(0, decimals));
  if (text.find('.') != std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

}  // namespace

std::string_view to_text(CellType type) {
  switch (type) {
    case CellType::text:
      return "text";
    case CellType::integer:
      return "integer";
    case CellType::real:
      return "real";
    case CellType::boolean:
      return "boolean";
    case CellType::date:
      return "date";
  }
  return "text";
}

std::string significant(double value, int digits, int most_decimals) {
  if (!std::isfinite(value) || value == 0) return real_text(value, 0);
  const int magnitude = static_cast<int>(std::floor(std::log10(std::abs(value))));
  return real_text(value, std::min(most_decimals, std::max(0, digits - 1 - magnitude)));
}

const Column* Table::column(std::string_view key) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const Column& column) { return column.key == key; });
  return found == columns.end() ? nullptr : &*found;
}

std::string cell_text(const Cell& cell, const Column& column) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&cell)) return real_text(*real, column.decimals);
  if (const auto* flag = std::get_if<bool>(&cell)) return *flag ? "1" : "0";
  if (const auto* date = std::get_if<UnixTime>(&cell)) return utc_text(*date).text;
  return "";
}

}  // namespace pennyweight
