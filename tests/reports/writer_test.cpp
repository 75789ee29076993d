#include "reports/writers/writer.h"

#include "tests/reports/sample_report.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;

TEST_CASE("The extension picks the format, whatever its case") {
  CHECK(format_of("a/b.csv") == Format::csv);
  CHECK(format_of("b.TSV") == Format::tsv);
  CHECK(format_of("b.xlsx") == Format::xlsx);
  CHECK(format_of("보고.md") == Format::markdown);
  CHECK(format_of("b.tar.json") == Format::json);
}

TEST_CASE("An unknown extension or format is an error that names the known ones") {
  const auto misspelt = format_of("report.xlsm");
  REQUIRE_FALSE(misspelt);
  CHECK(misspelt.error().kind == ErrorKind::usage);
  CHECK(misspelt.error().what.find("report.xlsm") != std::string::npos);
  CHECK(misspelt.error().fix.find("did you mean .xlsx?") != std::string::npos);
  const auto none = format_of("report");
  REQUIRE_FALSE(none);
  CHECK(none.error().fix.find(".csv, .tsv, .xlsx, .md, .json") != std::string::npos);

  CHECK(parse_format("terminal") == Format::terminal);
  CHECK(parse_format("md") == Format::markdown);
  CHECK(parse_format("markdown") == Format::markdown);
  const auto unknown = parse_format("jsn");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().fix.find("did you mean json?") != std::string::npos);
}

TEST_CASE("Separated values take the table that is asked for") {
  const Report report = test::sample_report();
  WriteOptions options;
  CHECK(*write_text(report, Format::csv, options) == write_csv(report.summary, ','));
  options.table = "environment";
  CHECK(*write_text(report, Format::tsv, options) == write_csv(report.environment, '\t'));
  options.table = "request";
  const auto unknown = write_text(report, Format::csv, options);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().fix.find("did you mean requests?") != std::string::npos);
}

TEST_CASE("A workbook is refused on standard output") {
  const auto text = write_text(test::sample_report(), Format::xlsx, {});
  REQUIRE_FALSE(text);
  CHECK(text.error().kind == ErrorKind::usage);
}

TEST_CASE("A report file replaces the one before it, whole") {
  const test::TempDir directory;
  const Report report = test::sample_report();
  for (const char* name : {"r.csv", "r.tsv", "r.md", "r.json", "r.xlsx"}) {
    INFO(name);
    test::write_file(directory / name, std::string(100'000, '#'));
    REQUIRE(write_report(report, directory / name, {}));
    CHECK(test::read_file(directory / name).find("####") == std::string::npos);
  }
  CHECK(test::read_file(directory / "r.md") == write_markdown(report));
  const auto entries = std::filesystem::directory_iterator(directory.path());
  CHECK(std::distance(begin(entries), end(entries)) == 5);  // no temporary file is left
}

TEST_CASE("A report that cannot be written leaves the old file as it was") {
  const test::TempDir directory;
  test::write_file(directory / "r.csv", "old");
  WriteOptions options;
  options.table = "nothing";
  CHECK_FALSE(write_report(test::sample_report(), directory / "r.csv", options));
  CHECK(test::read_file(directory / "r.csv") == "old");
}
