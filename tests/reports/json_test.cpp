#include <nlohmann/json.hpp>

#include "reports/writers/writer.h"
#include "tests/reports/sample_report.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;
using nlohmann::json;

TEST_CASE("JSON holds the whole report") {
  test::check_golden("reports/report.json", write_json(test::sample_report()));
}

TEST_CASE("A JSON reader gets numbers, truth values, dates as text and nulls") {
  const json read = json::parse(write_json(test::sample_report()));
  const json& rows = read["tables"]["summary"]["rows"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["ttft_ms_p50"].get<double>() == 212.346);
  CHECK(rows[0]["n_requests"].is_number_integer());
  CHECK(rows[0]["cost_usd_per_1m_tokens"].get<double>() == 1.5e-7);
  CHECK(rows[1]["ttft_ms_p95"].is_null());
  CHECK(rows[1]["target"] == "큰 모델 (API)");
  CHECK(rows[0]["started_at_utc"] == "2024-06-17T00:00:00.123Z");
  CHECK(rows[0].size() == test::sample_report().summary.columns.size());
  CHECK(read["tables"]["requests"]["rows"][0]["connection_reused"] == true);
  CHECK(read["tables"]["summary"]["blanks"][0]["reason"] == "60 samples, p95 needs 72");
  CHECK(read["warnings"][0]["severe"] == true);
  CHECK(read["warnings"][1]["code"] == "few_samples");
  CHECK(read["comparisons"].size() == 1);
  CHECK(read["tables"]["environment"]["rows"][0]["value"] == "[run]\nname = \"송장\"\n");
}

TEST_CASE("What is not finite is null in JSON") {
  Report report = test::sample_report();
  report.summary = {};
  report.summary.name = "summary";
  report.summary.columns = {{"x", "x", CellType::real, 3, "", 0}};
  report.summary.rows = {{std::nan("")}, {HUGE_VAL}, {-HUGE_VAL}, {1.0}};
  const json rows = json::parse(write_json(report))["tables"]["summary"]["rows"];
  CHECK(rows[0]["x"].is_null());
  CHECK(rows[1]["x"].is_null());
  CHECK(rows[2]["x"].is_null());
  CHECK(rows[3]["x"] == 1);
}
