#include "tests/reports/sample_report.h"

#include <array>

#include "reports/dictionary_table.h"
#include "reports/environment_table.h"
#include "reports/requests_table.h"
#include "reports/summary_table.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

constexpr UnixTime kStarted{std::chrono::milliseconds(1'718'582'400'123)};
const std::string kRun = "01902000-0000-7000-8000-000000000001";

std::vector<std::pair<std::string, Cell>> small() {
  return {{"schema_version", std::int64_t{1}},
          {"run_id", kRun},
          {"target", "demo-small"},
          {"task_set", "ko_number"},
          {"load_point", "c1"},
          {"n_planned", std::int64_t{100}},
          {"n_requests", std::int64_t{100}},
          {"error_rate", 0.0},
          {"score_mean", 0.84},
          {"score_mean_ci_low", 0.755812},
          {"score_mean_ci_high", 0.899019},
          {"truncated_rate", 0.02},
          {"unparsed_rate", 0.01},
          {"ttft_ms_p50", 212.3456},
          {"ttft_ms_p95", 1254.5},
          {"tpot_ms_p50", 15.9812},
          {"output_tokens_per_s_system", 41.81},
          {"energy_j_per_task", 12.25},
          {"energy_state", "measured"},
          {"cost_usd_per_1k_tasks", 0.0432},
          {"cost_usd_per_1m_tokens", 0.00000015},
          {"price_basis", "own rate"},
          {"flags", "truncated"},
          {"started_at_utc", kStarted}};
}

std::vector<std::pair<std::string, Cell>> large() {
  return {{"schema_version", std::int64_t{1}},
          {"run_id", kRun},
          {"target", "큰 모델 (API)"},
          {"task_set", "ko_number"},
          {"load_point", "c1"},
          {"n_planned", std::int64_t{100}},
          {"n_requests", std::int64_t{60}},
          {"error_rate", 0.05},
          {"score_mean", 1.0},
          {"score_mean_ci_low", 0.9398},
          {"score_mean_ci_high", 1.0},
          {"truncated_rate", 0.0},
          {"unparsed_rate", 0.0},
          {"ttft_ms_p50", 480.0},
          {"tpot_ms_p50", 8.0},
          {"output_tokens_per_s_system", 125.0},
          {"energy_state", "unavailable"},
          {"cost_usd_per_1k_tasks", 1.5},
          {"cost_usd_per_1m_tokens", 12.5},
          {"price_basis", "illustrative"},
          {"started_at_utc", kStarted}};
}

}  // namespace

void add_row(Table& table, const std::vector<std::pair<std::string, Cell>>& cells) {
  std::vector<Cell> row(table.columns.size());
  for (const auto& [key, cell] : cells) {
    const Column* column = table.column(key);
    INFO("column " << key);
    REQUIRE(column != nullptr);
    row[static_cast<std::size_t>(column - table.columns.data())] = cell;
  }
  table.rows.push_back(std::move(row));
}

Table text_table(const std::vector<std::string>& cells) {
  Table table;
  table.name = "requests";
  table.columns = {{"text", "text", CellType::text, 0, "", 1}};
  for (const std::string& cell : cells) table.rows.push_back({cell});
  return table;
}

Report sample_report() {
  Report report;
  report.title = "Pennyweight: 송장";
  report.database = "demo.db";
  report.started = kStarted;
  report.header = {{"Run", "2024-06-17T00:00:00.123Z, complete, " + kRun},
                   {"Machine", "Example CPU @ 2.40GHz, 2 cores, 7.8 GiB, Linux 6.1.0"},
                   {"Prices", "stored with the run"}};
  report.warnings = {
      {"unfinished", "the run did not end by itself (interrupted): 송장",
       "run --resume goes on where it stopped", true},
      {"few_samples", "too few samples for a p95, which needs 72: 큰 모델 (API) (60)",
       "raise --repeat, or take a larger task set"},
      {"truncated", "more than 1 % of the answers were cut at max_tokens: demo-small (2 of 100)",
       "raise --max-tokens: a cut answer may have been right"}};
  report.assumptions = {"demo-small: $0.4 per hour of use and $0.15 per kWh",
                        "큰 모델 (API): groq/llama-3.1-8b-instant from 2026-08-21: $0.05 in, $0.08 "
                        "out per 1M tokens (illustrative: not what this target itself costs)"};
  report.comparisons = {
      "ko_number: demo-small costs 0.029x of 큰 모델 (API) per 1k tasks at illustrative prices, "
      "quality 0.84 vs 1.00, TTFT p50 0.44x"};
  report.summary = summary_table(false);
  add_row(report.summary, small());
  add_row(report.summary, large());
  report.summary.blanks = {{"ttft_ms_p95", "큰 모델 (API)", "60 samples, p95 needs 72"},
                           {"energy_j_per_task", "큰 모델 (API)", "not measurable from here"}};
  report.requests = requests_table(false);
  add_row(report.requests, {{"schema_version", std::int64_t{1}},
                            {"run_id", kRun},
                            {"request_id", "req_000001"},
                            {"target", "demo-small"},
                            {"task_id", "ko-1"},
                            {"started_at_utc", kStarted},
                            {"started_unix_ms", std::int64_t{1'718'582'400'123}},
                            {"connection_reused", true},
                            {"ttft_ms", 212.3456},
                            {"error_message", "first line, \"quoted\""}});
  report.environment = environment_table();
  add_row(report.environment, {{"schema_version", std::int64_t{1}},
                               {"run_id", kRun},
                               {"section", "run"},
                               {"key", "plan"},
                               {"value", "[run]\nname = \"송장\"\n"}});
  const std::array<const Table*, 3> tables{&report.summary, &report.requests, &report.environment};
  report.dictionary = dictionary_table(tables);
  return report;
}

}  // namespace pennyweight::test
