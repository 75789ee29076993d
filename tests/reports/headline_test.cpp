#include "reports/writers/headline.h"

#include "tests/reports/sample_report.h"
#include "tests/test.h"

using namespace pennyweight;

namespace {

Table numbers() {
  Table table;
  table.columns = {{"late", "late", CellType::integer, 0, "", 9},
                   {"name", "name", CellType::text, 0, "", 1},
                   {"hidden", "hidden", CellType::real, 3, "", 0},
                   {"x", "x", CellType::real, 9, "", 2},
                   {"x_ci_low", "x, from", CellType::real, 9, "", 2},
                   {"x_ci_high", "x, to", CellType::real, 9, "", 2}};
  return table;
}

std::string shown(double x) {
  Table table = numbers();
  test::add_row(table, {{"x", x}});
  return headline(table).rows.at(0).at(1);
}

}  // namespace

TEST_CASE("The headline holds its columns in their order and folds the interval into its value") {
  Table table = numbers();
  test::add_row(table, {{"name", "a"},
                        {"x", 0.84},
                        {"x_ci_low", 0.755812},
                        {"x_ci_high", 0.899019},
                        {"late", std::int64_t{1234567}}});
  const Headline shown = headline(table);
  REQUIRE(shown.headings.size() == 3);
  CHECK(shown.headings[0].title == "name");
  CHECK(shown.headings[0].identity);
  CHECK_FALSE(shown.headings[0].number);
  CHECK(shown.headings[1].title == "x");
  CHECK(shown.headings[1].number);
  CHECK_FALSE(shown.headings[1].identity);
  CHECK(shown.headings[2].title == "late");
  CHECK(shown.rows.at(0) == std::vector<std::string>{"a", "0.84 [0.756, 0.899]", "1234567"});
}

TEST_CASE("Three digits are shown, and no digit of the integer part is lost") {
  CHECK(shown(212.3456) == "212");
  CHECK(shown(15.9812) == "16");
  CHECK(shown(15.9412) == "15.9");
  CHECK(shown(123456.7) == "123457");
  CHECK(shown(0.0432) == "0.0432");
  CHECK(shown(0.00000015) == "0.00000015");
  CHECK(shown(-1.23456) == "-1.23");
  CHECK(shown(0) == "0");
}

TEST_CASE("What is blank or not finite is a dash") {
  CHECK(shown(HUGE_VAL) == "-");
  CHECK(shown(std::nan("")) == "-");
  Table table = numbers();
  test::add_row(table, {{"x_ci_low", 0.1}, {"x_ci_high", 0.2}});
  CHECK(headline(table).rows.at(0) == std::vector<std::string>{"-", "-", "-"});
}

TEST_CASE("A rate is shown in percent") {
  Table table;
  table.columns = {{"error_rate", "failed", CellType::real, 6, "", 1}};
  for (const double rate : {1.0, 0.0, 0.025, 0.001234})
    test::add_row(table, {{"error_rate", rate}});
  const Headline shown = headline(table);
  CHECK(shown.rows.at(0).at(0) == "100 %");
  CHECK(shown.rows.at(1).at(0) == "0 %");
  CHECK(shown.rows.at(2).at(0) == "2.5 %");
  CHECK(shown.rows.at(3).at(0) == "0.123 %");
}

TEST_CASE("A number of requests below the plan says so") {
  Table table;
  table.columns = {{"n_planned", "planned", CellType::integer, 0, "", 0},
                   {"n_requests", "n", CellType::integer, 0, "", 1}};
  test::add_row(table, {{"n_planned", std::int64_t{100}}, {"n_requests", std::int64_t{37}}});
  test::add_row(table, {{"n_planned", std::int64_t{100}}, {"n_requests", std::int64_t{100}}});
  const Headline shown = headline(table);
  CHECK(shown.rows.at(0).at(0) == "37 of 100");
  CHECK(shown.rows.at(1).at(0) == "100");
}

TEST_CASE("The load point is shown only where it varies") {
  Table table;
  table.columns = {{"target", "target", CellType::text, 0, "", 1},
                   {"load_point", "load", CellType::text, 0, "", 2}};
  for (const char* load : {"c1", "c1"}) {
    test::add_row(table, {{"target", "a"}, {"load_point", load}});
  }
  CHECK(headline(table).headings.size() == 1);
  test::add_row(table, {{"target", "a"}, {"load_point", "c4"}});
  CHECK(headline(table).headings.size() == 2);
}

TEST_CASE("Each reason for a blank is said once, with its columns, and its rows where not all") {
  Table table = numbers();
  for (const char* name : {"a", "b", "c"}) test::add_row(table, {{"name", name}});
  table.blanks = {{"x", "a", "no sample"},      {"late", "a", "no sample"},
                  {"x", "b", "no sample"},      {"hidden", "a", "of no interest"},
                  {"late", "a", "not counted"}, {"late", "b", "not counted"},
                  {"late", "c", "not counted"}};
  CHECK(headline(table).notes ==
        std::vector<std::string>{"x, late of a, b: no sample", "late: not counted"});
}

TEST_CASE("A line for a log holds no escape sequence and no command of a CI service") {
  CHECK(safe_line("\x1b[31mred\x07") == "[31mred");
  CHECK(safe_line("::error file=a::boom") == ": :error file=a::boom");
  CHECK(safe_line("word\n::error::boom") == "word : :error::boom");
  CHECK(safe_line("  ::add-mask::x") == "  : :add-mask::x");
  CHECK(safe_line("x ##[error]boom") == "x ## [error]boom");
  CHECK(safe_line("std::vector, C# [a]") == "std::vector, C# [a]");
  CHECK(safe_line("한글 모델") == "한글 모델");
}
