#include "reports/writers/writer.h"
#include "tests/reports/sample_report.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;

TEST_CASE("Markdown holds the headline table and what limits it") {
  test::check_golden("reports/report.md", write_markdown(test::sample_report()));
}

TEST_CASE("Markdown tells nobody, and changes no letter style") {
  Report report = test::sample_report();
  report.assumptions = {"@octocat my_model_v2 ~~gone~~"};
  const std::string text = write_markdown(report);
  CHECK(text.find("- &#64;octocat my\\_model\\_v2 \\~\\~gone\\~\\~\n") != std::string::npos);
  CHECK(text.find('@') == std::string::npos);
}

TEST_CASE("Every line of the Markdown table has the same number of cells, whatever is in them") {
  Report report = test::sample_report();
  report.summary.rows[0][2] = std::string("a|b\\|c\n| d |");
  const std::string text = write_markdown(report);
  std::vector<int> borders;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.empty() || line[0] != '|') continue;
    int n = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\') {
        ++i;  // what follows is text
      } else if (line[i] == '|') {
        ++n;
      }
    }
    borders.push_back(n);
  }
  REQUIRE(borders.size() == 4);
  for (const int n : borders) CHECK(n == borders[0]);
}
