// What a model, a server or a file name may hold, and what each sink makes of it.
#include <nlohmann/json.hpp>

#include "reports/writers/writer.h"
#include "tests/reports/sample_report.h"
#include "tests/reports/zip_reader.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;

namespace {

const std::vector<std::string> kHostile = {
    "\x1b]0;title\x07\x1b[2J",
    "::error file=x::boom",
    "line\n::stop-commands::x\n##[error]boom",
    "=HYPERLINK(\"http://example.invalid\")",
    "@SUM(A1)",
    "a | b || `c`",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "![x](http://example.invalid/track.png) [y](javascript:alert(1))",
    std::string("nul\0here", 8),
    "\xff\xfe not utf8 \xed\xa0\x80",
    "\xc2\x9b"
    "31m C1 escape",
    "한글\r\n모델"};

// The hostile texts as names of targets, in notes, warnings and assumptions.
Report hostile_report() {
  Report report;
  report.summary.name = "summary";
  report.summary.columns = {{"target", "target", CellType::text, 0, "", 1},
                            {"x", "x", CellType::real, 3, "", 2}};
  for (const std::string& text : kHostile) {
    report.title += text;
    report.header.emplace_back("Machine", text);
    report.summary.rows.push_back({text, Cell()});
    report.summary.blanks.push_back({"x", text, text});
    report.warnings.push_back({"truncated", text, text});
    report.assumptions.push_back(text);
  }
  report.requests = test::text_table(kHostile);
  return report;
}

void check_harmless_lines(const std::string& text) {
  for (const char byte : text) {
    const auto c = static_cast<unsigned char>(byte);
    const bool control = (c < 0x20 && c != '\n') || c == 0x7F;
    if (control) FAIL("control character " << static_cast<int>(c));
  }
  CHECK(text.find("\xc2\x9b") == std::string::npos);
  CHECK(text.find("##[") == std::string::npos);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t first = line.find_first_not_of(" \t");
    if (first != std::string::npos && line.compare(first, 2, "::") == 0) FAIL("command: " << line);
  }
}

}  // namespace

TEST_CASE("Untrusted text on the terminal is lines without escape sequences or CI commands") {
  check_harmless_lines(write_terminal(hostile_report(), {}));
  WriteOptions narrow;
  narrow.terminal_columns = 20;  // wrapping must not bring a command to the start of a line
  check_harmless_lines(write_terminal(hostile_report(), narrow));
}

TEST_CASE("Untrusted text in Markdown is text: no HTML, link, picture, extra cell or CI command") {
  const std::string text = write_markdown(hostile_report());
  check_harmless_lines(text);
  CHECK(text.find("<script") == std::string::npos);
  CHECK(text.find("<img") == std::string::npos);
  CHECK(text.find("!\\[x\\](http") != std::string::npos);
  CHECK(text.find(" \\[y\\](javascript") != std::string::npos);
  CHECK(text.find("a \\| b \\|\\| \\`c\\`") != std::string::npos);
}

TEST_CASE("Untrusted text in CSV is one field, without controls") {
  const std::string text = write_csv(hostile_report().requests, ',');
  for (const char byte : text) {
    const auto c = static_cast<unsigned char>(byte);
    if (c < 0x20 && c != '\n' && c != '\r' && c != '\t') FAIL("control " << static_cast<int>(c));
  }
  CHECK(text.find("nulhere\n") != std::string::npos);
  CHECK(text.find("\n]0;title[2J\n") != std::string::npos);
  CHECK(text.find("\"line\n::stop-commands::x\n##[error]boom\"") != std::string::npos);
  CHECK(text.find("\"=HYPERLINK(\"\"http://example.invalid\"\")\"") != std::string::npos);
  CHECK(text.find("\xEF\xBF\xBD not utf8 \xEF\xBF\xBD\n") != std::string::npos);
}

TEST_CASE("Untrusted text in TSV is one line a row, and no formula") {
  const std::string text = write_csv(hostile_report().requests, '\t');
  CHECK(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) ==
        kHostile.size() + 1);
  CHECK(text.find("\n'=HYPERLINK(") != std::string::npos);
  CHECK(text.find("\n'@SUM(A1)\n") != std::string::npos);
}

TEST_CASE("Untrusted text in JSON parses back, and its listing does nothing") {
  const std::string text = write_json(hostile_report());
  for (const char byte : text) {
    const auto c = static_cast<unsigned char>(byte);
    if (c < 0x20 && c != '\n') FAIL("control " << static_cast<int>(c));
  }
  CHECK(text.find("\xc2\x9b") == std::string::npos);
  const auto read = nlohmann::json::parse(text);
  const auto& rows = read["tables"]["requests"]["rows"];
  REQUIRE(rows.size() == kHostile.size());
  CHECK(rows[0]["text"] == kHostile[0]);
  CHECK(rows[2]["text"] == kHostile[2]);
  CHECK(rows[8]["text"] == kHostile[8]);
  CHECK(rows[10]["text"] == kHostile[10]);
}

TEST_CASE("Untrusted text in a workbook is text: no formula, no link, well-formed XML") {
  const test::TempDir directory;
  const auto path = directory / "hostile.xlsx";
  REQUIRE(write_xlsx(hostile_report(), path));
  for (const auto& [name, content] : test::unzip(test::read_file(path))) {
    INFO(name);
    CHECK(test::xml_fault(content).empty());
    CHECK(content.find("<f>") == std::string::npos);
    CHECK(content.find("<hyperlink") == std::string::npos);
    CHECK(content.find("<script") == std::string::npos);
  }
}
