#include <sys/stat.h>
#include <unistd.h>

#include "reports/writers/writer.h"
#include "tests/reports/sample_report.h"
#include "tests/reports/zip_reader.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;

namespace {

std::string written(const Report& report) {
  const test::TempDir directory;
  const auto path = directory / "report.xlsx";
  const auto done = write_xlsx(report, path);
  INFO((done ? "" : done.error().what + ": " + done.error().why));
  REQUIRE(done);
  return test::read_file(path);
}

std::map<std::string, std::string> parts_of(const Report& report) {
  auto parts = test::unzip(written(report));
  for (const auto& [name, content] : parts) {
    INFO(name);
    CHECK(test::xml_fault(content).empty());
  }
  return parts;
}

bool has(const std::string& text, std::string_view piece) {
  return text.find(piece) != std::string::npos;
}

Report with_summary(Table table) {
  Report report;
  report.title = "t";
  table.name = "summary";
  report.summary = std::move(table);
  return report;
}

constexpr const char* kSummary = "xl/worksheets/sheet2.xml";  // after Readme
constexpr const char* kStrings = "xl/sharedStrings.xml";

}  // namespace

TEST_CASE("A workbook has its sheets, each with frozen header, filter and typed cells") {
  auto parts = parts_of(test::sample_report());
  const std::string& book = parts["xl/workbook.xml"];
  for (const char* name : {"Readme", "Summary", "Requests", "Environment", "Dictionary"}) {
    CHECK(has(book, "name=\"" + std::string(name) + "\""));
  }
  for (int i = 1; i <= 5; ++i) {
    const std::string& sheet = parts["xl/worksheets/sheet" + std::to_string(i) + ".xml"];
    INFO("sheet " << i);
    CHECK(has(sheet, "xSplit=\"1\" ySplit=\"1\""));
    CHECK(has(sheet, "<autoFilter ref=\"A1:"));
    CHECK(has(sheet, "<cols>"));
  }
  const std::string& summary = parts[kSummary];
  CHECK(has(summary, "<v>212.3456</v>"));
  CHECK(has(summary, "<v>1.5E-07</v>"));
  // 2024-06-17 00:00:00.123 in days since 1899-12-30
  CHECK(has(summary, "<v>45460.00000142361</v>"));
  CHECK(has(parts[kStrings], "큰 모델 (API)"));
  CHECK(has(parts["xl/styles.xml"], "formatCode=\"0.000\""));
  CHECK(has(parts["xl/styles.xml"], "formatCode=\"0.000000000\""));
  CHECK(has(parts["xl/styles.xml"], "formatCode=\"yyyy-mm-dd hh:mm:ss.000\""));
  CHECK(has(parts["docProps/core.xml"], "2024-06-17T00:00:00Z</dcterms:created>"));
  CHECK(has(parts[kStrings], "ttft_ms_p95 of 큰 모델 (API): 60 samples, p95 needs 72"));
}

TEST_CASE("The same report gives the same workbook, byte for byte") {
  const std::string first = written(test::sample_report());
  ::sleep(1);  // the clock must not be in it
  CHECK(first == written(test::sample_report()));
}

TEST_CASE("What a spreadsheet cannot hold is blank, cleaned or cut, and the file stays readable") {
  Table table;
  table.columns = {{"number", "", CellType::real, 3, "", 0},
                   {"text", "", CellType::text, 0, "", 0}};
  table.rows = {{std::nan(""), std::string("bad\xff\xfe utf8")},
                {HUGE_VAL, std::string("ctrl\x01\x1b[31m\x00nul", 14)},
                {-HUGE_VAL, std::string("\xEF\xBF\xBE\xEF\xBF\xBF noncharacters")},
                {7.25, std::string(40'000, 'x') + "end"},
                {Cell(), std::string("two\nlines")}};
  auto parts = parts_of(with_summary(table));
  const std::string& sheet = parts[kSummary];
  CHECK_FALSE(has(sheet, "NAN"));
  CHECK_FALSE(has(sheet, "INF"));
  CHECK(has(sheet, "<v>7.25</v>"));
  const std::string& strings = parts[kStrings];
  CHECK(has(strings, "bad\xEF\xBF\xBD utf8"));
  CHECK(has(strings, "ctrl[31mnul"));
  CHECK(has(strings, "> noncharacters<"));
  CHECK(has(strings, std::string(32'000, 'x') + "... [truncated]"));
  CHECK_FALSE(has(strings, std::string(32'001, 'x')));
  CHECK(has(strings, "two\nlines"));
}

TEST_CASE("Long text outside the basic plane is cut where a spreadsheet counts two units") {
  std::string long_text;
  for (int i = 0; i < 20'000; ++i) long_text += "\xF0\x9F\x98\x80";
  auto parts = parts_of(with_summary(test::text_table({long_text})));
  const std::string& strings = parts[kStrings];
  const std::size_t from = strings.find("\xF0\x9F\x98\x80");
  const std::size_t to = strings.find("... [truncated]");
  REQUIRE(to != std::string::npos);
  CHECK((to - from) / 4 == 16'000);
}

TEST_CASE("A table of more than 200,000 cells is written too, and holds the same values") {
  Table table;
  table.columns = {{"i", "", CellType::integer, 0, "", 0}, {"t", "", CellType::text, 0, "", 0}};
  for (std::int64_t i = 0; i < 100'001; ++i) table.rows.push_back({i, std::string("모델")});
  auto parts = parts_of(with_summary(table));
  const std::string& sheet = parts[kSummary];
  CHECK(has(sheet, "<v>100000</v>"));
  CHECK(has(sheet, "모델"));  // in the sheet itself, not in a table of strings
  CHECK(has(sheet, "A1:B100002"));
}

TEST_CASE("A workbook that cannot be written is an error that names the path, and leaves nothing") {
  const test::TempDir directory;
  const auto path = directory / "no such directory" / "report.xlsx";
  const auto result = write_xlsx(test::sample_report(), path);
  REQUIRE_FALSE(result);
  CHECK(result.error().what.find("report.xlsx") != std::string::npos);
  CHECK(std::filesystem::is_empty(directory.path()));
}
