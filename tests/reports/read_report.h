// What a built report says, found by names.
#pragma once

#include <string>
#include <string_view>

#include "reports/report.h"
#include "tests/reports/sample_run.h"
#include "tests/test.h"

namespace pennyweight::test {

inline Report built(StoreReader& store, const ReportOptions& options = {}) {
  auto report = build_report(store, options);
  INFO((report ? "" : report.error().what + ": " + report.error().why));
  REQUIRE(report);
  return std::move(*report);
}

inline Report built(const StoredRun& run, const ReportOptions& options = {}) {
  return built(*store_of({run}), options);
}

inline const Cell& at(const Table& table, std::size_t row, std::string_view key) {
  const Column* column = table.column(key);
  INFO(key);
  REQUIRE(column != nullptr);
  return table.rows.at(row).at(static_cast<std::size_t>(column - table.columns.data()));
}
inline std::string text(const Table& table, std::size_t row, std::string_view key) {
  return cell_text(at(table, row, key), *table.column(key));
}
inline double number(const Table& table, std::size_t row, std::string_view key) {
  INFO(key);
  REQUIRE(std::holds_alternative<double>(at(table, row, key)));
  return std::get<double>(at(table, row, key));
}

inline std::string reason(const Table& table, std::string_view row, std::string_view key) {
  for (const auto& blank : table.blanks) {
    if (blank.row == row && blank.column == key) return blank.reason;
  }
  return "";
}

inline const Warning* warning(const Report& report, std::string_view code) {
  for (const Warning& w : report.warnings) {
    if (w.code == code) return &w;
  }
  return nullptr;
}

inline std::string header(const Report& report, std::string_view key) {
  for (const auto& [name, value] : report.header) {
    if (name == key) return value;
  }
  return "";
}

// Where the sample's rows are.
inline constexpr std::size_t kSmall = 0, kLarge = 1;

}  // namespace pennyweight::test
