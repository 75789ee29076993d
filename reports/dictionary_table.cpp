#include "reports/dictionary_table.h"

#include <string>
#include <string_view>

#include "reports/summary_table.h"

namespace pennyweight {
namespace {

// Names carry their unit, <metric>_<unit>_<stat>, so the unit is read from the name; the longer
// parts come first.
Cell unit_of(const Column& column) {
  if (column.type == CellType::text || column.type == CellType::boolean) return {};
  if (column.type == CellType::date) return std::string("UTC");
  const struct {
    std::string_view part, unit;
  } units[] = {{"_tokens_per_s_", "tokens/s"},
               {"requests_per_s_", "requests/s"},
               {"_usd_per_1k_tasks_", "USD/1000 tasks"},
               {"_usd_per_1m_", "USD/1000000 tokens"},
               {"_usd_per_correct_", "USD/correct answer"},
               {"_usd_", "USD"},
               {"_wh_per_1m_", "Wh/1000000 tokens"},
               {"_j_per_output_token_", "J/token"},
               {"_j_per_task_", "J/task"},
               {"_j_", "J"},
               {"_unix_ms_", "ms since 1970"},
               {"_ms_", "ms"},
               {"_s_", "s"},
               {"_tokens_", "tokens"},
               {"_chars_", "characters"},
               {"_bytes_", "bytes"},
               {"_rate_", "0..1"},
               {"score_", "0..1"},
               {"_coverage_", "0..1"},
               {"_level_", "0..1"}};
  const std::string key = "_" + column.key + "_";
  for (const auto& [part, unit] : units) {
    if (key.find(part) != std::string::npos) return std::string(unit);
  }
  return {};
}

}  // namespace

Table dictionary_table(std::span<const Table* const> tables) {
  Table out;
  out.name = "dictionary";
  out.title = "What each column means";
  const auto text = [&](const char* key, const char* description) {
    out.columns.push_back({key, key, CellType::text, 0, description, 0});
  };
  out.columns.push_back(
      {"schema_version", "schema", CellType::integer, 0, "version of the tables' columns", 0});
  text("run_id", "blank: the same for every run");
  text("table", "table of the column");
  text("column", "its key");
  text("type", "text, integer, real, boolean (0 or 1) or date");
  text("unit", "unit of its numbers");
  text("description", "its meaning, with the formula");
  const auto add = [&](const Table& table) {
    for (const Column& column : table.columns) {
      out.rows.push_back({kSchemaVersion, Cell(), table.name, column.key,
                          std::string(to_text(column.type)), unit_of(column), column.description});
    }
  };
  for (const Table* table : tables) add(*table);
  const Table columns_only{out.name, out.title, out.columns, {}, {}};
  add(columns_only);
  return out;
}

}  // namespace pennyweight
