// A table's columns, each with the function that fills it, so that name, meaning and value of a
// column stand in one place.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/table.h"

namespace pennyweight {

inline Cell to_cell(Cell cell) {
  return cell;
}
inline Cell to_cell(std::string text) {
  return text.empty() ? Cell() : Cell(std::move(text));
}
inline Cell to_cell(std::string_view text) {
  return to_cell(std::string(text));
}
inline Cell to_cell(bool flag) {
  return flag;
}
inline Cell to_cell(int integer) {
  return static_cast<std::int64_t>(integer);
}
inline Cell to_cell(std::int64_t integer) {
  return integer;
}
inline Cell to_cell(double real) {
  return real;
}
inline Cell to_cell(UnixTime date) {
  return date;
}
template <class T>
Cell to_cell(const std::optional<T>& value) {
  return value ? to_cell(*value) : Cell();
}

template <class Row>
class ColumnList {
 public:
  // `value` takes a const Row& and gives what to_cell() takes; an empty text is a blank.
  template <class Value>
  void add(Column column, Value value) {
    columns_.push_back(std::move(column));
    values_.push_back([value](const Row& row) { return to_cell(value(row)); });
  }
  template <class Value>
  void text(std::string key, std::string title, std::string description, Value value,
            int headline = 0) {
    add({std::move(key), std::move(title), CellType::text, 0, std::move(description), headline},
        value);
  }
  template <class Value>
  void integer(std::string key, std::string title, std::string description, Value value,
               int headline = 0) {
    add({std::move(key), std::move(title), CellType::integer, 0, std::move(description), headline},
        value);
  }
  template <class Value>
  void real(std::string key, std::string title, int decimals, std::string description, Value value,
            int headline = 0) {
    add({std::move(key), std::move(title), CellType::real, decimals, std::move(description),
         headline},
        value);
  }
  template <class Value>
  void flag(std::string key, std::string title, std::string description, Value value) {
    add({std::move(key), std::move(title), CellType::boolean, 0, std::move(description), 0}, value);
  }
  template <class Value>
  void date(std::string key, std::string title, std::string description, Value value) {
    add({std::move(key), std::move(title), CellType::date, 0, std::move(description), 0}, value);
  }

  const std::vector<Column>& columns() const { return columns_; }
  std::vector<Cell> cells(const Row& row) const {
    std::vector<Cell> out;
    out.reserve(values_.size());
    for (const auto& value : values_) out.push_back(value(row));
    return out;
  }

 private:
  std::vector<Column> columns_;
  std::vector<std::function<Cell(const Row&)>> values_;
};

// Decimals by unit, the same in every table.
inline constexpr int kMsDecimals = 3, kRateDecimals = 3, kSecondDecimals = 6, kRatioDecimals = 6,
                     kJouleDecimals = 6, kDollarDecimals = 9;

}  // namespace pennyweight
