#include <sstream>

#include "metrics/base/utf8.h"
#include "reports/writers/writer.h"
#include "tests/reports/sample_report.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("The terminal shows the headline, its blanks, warnings, assumptions and where to go on") {
  const Report report = test::sample_report();
  test::check_golden("reports/terminal.txt", write_terminal(report, {}));
  WriteOptions wide;
  wide.terminal_columns = 200;
  wide.ascii = true;
  test::check_golden("reports/terminal_wide_ascii.txt", write_terminal(report, wide));
}

TEST_CASE("No line is wider than the terminal, Korean names included") {
  const Report report = test::sample_report();
  WriteOptions options;
  options.terminal_columns = GENERATE(60, 80, 100, 120, 160);
  for (const std::string& line : lines_of(write_terminal(report, options))) {
    INFO(options.terminal_columns << ": " << line);
    CHECK(display_width(line) <= options.terminal_columns);
  }
}

TEST_CASE("A wide name is cut in the table, so that the numbers stay beside it") {
  Report report = test::sample_report();
  report.summary.rows[0][2] = std::string(300, 'x');
  for (const std::string& line : lines_of(write_terminal(report, {}))) {
    INFO(line);
    CHECK(display_width(line) <= 100);
  }
}

TEST_CASE("Columns of a block end at the same place whatever the script of the name") {
  const Report report = test::sample_report();
  std::vector<int> widths;
  for (const std::string& line : lines_of(write_terminal(report, {}))) {
    const bool of_block = line.find(" ko_number ") != std::string::npos &&
                          line.find("0.") != std::string::npos &&
                          line.find('[') != std::string::npos;
    if (of_block) widths.push_back(display_width(line));
  }
  REQUIRE(widths.size() == 2);
  CHECK(widths[0] == widths[1]);
}

TEST_CASE("The basis of the prices stands in the block of the prices, whatever the width") {
  const Report report = test::sample_report();
  WriteOptions options;
  options.terminal_columns = GENERATE(80, 90, 100, 110, 120, 140, 200);
  const std::vector<std::string> lines = lines_of(write_terminal(report, options));
  const auto heading = [&](const std::string& title) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].find(title) != std::string::npos) return i;
    }
    return lines.size();
  };
  INFO(write_terminal(report, options));
  const std::size_t prices = heading("1k tasks");
  REQUIRE(prices < lines.size());
  CHECK(lines[prices].find("price is") != std::string::npos);
}

TEST_CASE("What misleads stands before the figures, and other warnings behind them") {
  const std::string text = write_terminal(test::sample_report(), {});
  const std::size_t table = text.find("quality");
  CHECK(text.find("the run did not end by itself") < table);
  CHECK(text.find("too few samples") > table);
  CHECK(text.find("demo-small costs 0.029x of") > table);
  const std::string markdown = write_markdown(test::sample_report());
  CHECK(markdown.find("**Warning**: the run did not end") < markdown.find("| target"));
  CHECK(markdown.find("too few samples") > markdown.find("| target"));
}

TEST_CASE("Colour is only escape sequences around the same text") {
  const Report report = test::sample_report();
  WriteOptions plain;
  plain.terminal_columns = GENERATE(range(60, 101));
  WriteOptions coloured = plain;
  coloured.colour = true;
  std::string text = write_terminal(report, coloured);
  REQUIRE(text.find("\x1b[1m") != std::string::npos);
  for (std::size_t at; (at = text.find('\x1b')) != std::string::npos;) {
    const std::size_t end = text.find('m', at);
    REQUIRE(end != std::string::npos);
    text.erase(at, end - at + 1);
  }
  CHECK(text == write_terminal(report, plain));
  CHECK(write_terminal(report, plain).find('\x1b') == std::string::npos);
}

TEST_CASE("A report without rows still has its header and columns") {
  Report report = test::sample_report();
  report.summary.rows.clear();
  report.summary.blanks.clear();
  const std::string text = write_terminal(report, {});
  CHECK(text.find("p95 (ms)") != std::string::npos);
  CHECK(text.find("Machine") != std::string::npos);
}
