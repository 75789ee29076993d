#include <nlohmann/json.hpp>

#include "reports/writers/writer.h"
#include "tests/reports/sample_report.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;
using nlohmann::json;

namespace {

// One case of tests/cases/sheet_cases.json as a cell: the non-finite numbers stand there as words.
Cell to_cell(const json& value, const std::string& type) {
  if (value.is_null()) return {};
  if (type == "real") {
    if (value == "NaN") return std::nan("");
    if (value == "Infinity") return HUGE_VAL;
    return value.get<double>();
  }
  if (type == "int") return value.get<std::int64_t>();
  if (type == "bool") return value.get<bool>();
  return value.get<std::string>();
}

CellType to_type(const std::string& type) {
  if (type == "real") return CellType::real;
  if (type == "int") return CellType::integer;
  return type == "bool" ? CellType::boolean : CellType::text;
}

// The encoding of a single cell: the second line of a table of one.
std::string encoded(const Cell& cell, CellType type, char separator) {
  Table table;
  table.columns = {{"value", "value", type, 9, "", 0}};
  table.rows = {{cell}};
  const std::string bytes = write_csv(table, separator);
  const std::string header = "value\n";
  REQUIRE(bytes.size() > header.size());
  REQUIRE(bytes.substr(0, header.size()) == header);
  REQUIRE(bytes.back() == '\n');
  return bytes.substr(header.size(), bytes.size() - header.size() - 1);
}

}  // namespace

TEST_CASE("Cells are encoded as the shared cases say, with commas and with tabs") {
  const json cases =
      json::parse(test::read_file(test::source_path("tests/cases/sheet_cases.json")));
  REQUIRE(cases["cases"].size() == 34);
  for (const json& one : cases["cases"]) {
    INFO(one.dump());
    const std::string type = one["type"];
    const Cell cell = to_cell(one["value"], type);
    CHECK(encoded(cell, to_type(type), ',') == one["data"].get<std::string>());
    CHECK(encoded(cell, to_type(type), '\t') == one["tsv"].get<std::string>());
  }
}

TEST_CASE("A table is a header of keys and one record a row") {
  const Report report = test::sample_report();
  test::check_golden("reports/summary.csv", write_csv(report.summary, ','));
  test::check_golden("reports/requests.csv", write_csv(report.requests, ','));
  test::check_golden("reports/environment.tsv", write_csv(report.environment, '\t'));
}

TEST_CASE("An empty table is its header") {
  Table table;
  table.columns = {{"a_ms", "", CellType::real, 3, "", 0}, {"b", "", CellType::text, 0, "", 0}};
  CHECK(write_csv(table, ',') == "a_ms,b\n");
  CHECK(write_csv(table, '\t') == "a_ms\tb\n");
}

TEST_CASE("Numbers keep the decimals of their column and lose trailing zeros") {
  const Column ms{"x_ms", "", CellType::real, 3, "", 0};
  CHECK(cell_text(212.34567, ms) == "212.346");
  CHECK(cell_text(1.5, ms) == "1.5");
  CHECK(cell_text(100.0, ms) == "100");
  CHECK(cell_text(-0.0001, ms) == "0");
  CHECK(cell_text(1e21, ms) == "1000000000000000000000");
  CHECK(cell_text(Cell(), ms).empty());
  CHECK(cell_text(UnixTime(std::chrono::milliseconds(1'718'582'400'123)), ms) ==
        "2024-06-17T00:00:00.123Z");
}
