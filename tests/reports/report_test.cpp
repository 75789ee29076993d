#include "reports/report.h"

#include "reports/writers/writer.h"
#include "tests/reports/sample_run.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;
using test::StoredRun;

namespace {

Report built(StoreReader& store, const ReportOptions& options = {}) {
  auto report = build_report(store, options);
  INFO((report ? "" : report.error().what + ": " + report.error().why));
  REQUIRE(report);
  return std::move(*report);
}

Report built(const StoredRun& run, const ReportOptions& options = {}) {
  return built(*test::store_of({run}), options);
}

const Cell& at(const Table& table, std::size_t row, std::string_view key) {
  const Column* column = table.column(key);
  INFO(key);
  REQUIRE(column != nullptr);
  return table.rows.at(row).at(static_cast<std::size_t>(column - table.columns.data()));
}
std::string text(const Table& table, std::size_t row, std::string_view key) {
  return cell_text(at(table, row, key), *table.column(key));
}
double number(const Table& table, std::size_t row, std::string_view key) {
  INFO(key);
  REQUIRE(std::holds_alternative<double>(at(table, row, key)));
  return std::get<double>(at(table, row, key));
}

std::string reason(const Table& table, std::string_view row, std::string_view key) {
  for (const auto& blank : table.blanks) {
    if (blank.row == row && blank.column == key) return blank.reason;
  }
  return "";
}

const Warning* warning(const Report& report, std::string_view code) {
  for (const Warning& w : report.warnings) {
    if (w.code == code) return &w;
  }
  return nullptr;
}

std::string header(const Report& report, std::string_view key) {
  for (const auto& [name, value] : report.header) {
    if (name == key) return value;
  }
  return "";
}

// Where the sample's rows are.
constexpr std::size_t kSmall = 0, kLarge = 1;

}  // namespace

TEST_CASE("A stored run becomes the report that its file says") {
  const test::TempDir directory;
  test::write_store(test::sample_run(), directory / "run.db");
  auto store = StoreReader::open(directory / "run.db");
  REQUIRE(store);
  const Report report = built(**store);
  test::check_golden("reports/run_terminal.txt", write_terminal(report, {}));
  test::check_golden("reports/run.md", write_markdown(report));
  const Report direct = built(test::sample_run());
  CHECK(report.summary.rows == direct.summary.rows);
  CHECK(report.requests.rows == direct.requests.rows);
}

TEST_CASE("The summary's figures are those worked out by hand") {
  const Report report = built(test::sample_run());
  const Table& t = report.summary;
  REQUIRE(t.rows.size() == 2);
  CHECK(text(t, kSmall, "n_requests") == "80");
  CHECK(text(t, kSmall, "n_warm_up") == "1");
  CHECK(text(t, kSmall, "n_tasks") == "80");
  CHECK(text(t, kSmall, "quantization") == "Q4_0");
  CHECK(number(t, kSmall, "score_mean") == Approx(0.75));
  CHECK(number(t, kSmall, "ttft_ms_p50") == Approx(139.5));
  CHECK(number(t, kSmall, "ttft_ms_p95") == Approx(175.05));
  CHECK(number(t, kSmall, "ttft_from_sent_ms_p50") == Approx(137.5));
  CHECK(number(t, kSmall, "tpot_ms_p50") == Approx(10));
  // 80 requests of 189 + i ms from sent to done
  CHECK(number(t, kSmall, "busy_s") == Approx(18.28));
  CHECK(number(t, kSmall, "output_tokens_per_s_system") == Approx(800 / 18.28));
  CHECK(text(t, kSmall, "energy_state") == "measured");
  CHECK(number(t, kSmall, "energy_j_per_task") == Approx(182.8 / 80));
  const double dollars = 0.40 * 18.28 / 3600 + 0.15 * 182.8 / 3.6e6;
  CHECK(number(t, kSmall, "cost_usd_per_1k_tasks") == Approx(dollars / 80 * 1000));
  CHECK(number(t, kSmall, "cost_usd_per_1m_tokens") == Approx(dollars / 2400 * 1e6));
  CHECK(text(t, kSmall, "price_basis") == "own rate");
  CHECK(text(t, kSmall, "flags").empty());

  CHECK(text(t, kLarge, "n_error") == "4");
  CHECK(number(t, kLarge, "error_rate") == Approx(0.05));
  CHECK(number(t, kLarge, "retry_rate") == Approx(0.05));
  CHECK(number(t, kLarge, "truncated_rate") == Approx(0.025));
  CHECK(number(t, kLarge, "score_mean") == Approx(1));
  CHECK(number(t, kLarge, "cost_usd_per_1k_tasks") == Approx(0.0018));
  CHECK(number(t, kLarge, "cost_usd_per_1m_tokens") == Approx(0.06));
  CHECK(text(t, kLarge, "price_basis") == "illustrative");
  CHECK(text(t, kLarge, "price_id") == "groq/llama-3.1-8b-instant@2024-05-14");
  CHECK(text(t, kLarge, "model_served") == "m-2024");
  CHECK(text(t, kLarge, "energy_j_per_task").empty());
  CHECK(reason(t, "demo-large", "energy_j_per_task") == "not measurable from here");
  CHECK(text(t, kLarge, "flags") == "error_rate;truncated");
}

TEST_CASE("Every blank headline figure has its reason") {
  StoredRun run = test::sample_run();
  SECTION("of a run with answers") {}
  SECTION("of a run without a request") {
    run.records.clear();
  }
  SECTION("of a run without scores, prices and energy") {
    run.scores.clear();
    run.prices.clear();
    run.samples.clear();
  }
  SECTION("of targets that are not priced") {
    for (CellInfo& cell : run.cells) cell.target_facts.set("cost", to_value(CostRule{}));
  }
  const Report report = built(run);
  int blank_cells = 0;
  for (std::size_t r = 0; r < report.summary.rows.size(); ++r) {
    for (const Column& column : report.summary.columns) {
      if (column.headline == 0 || !text(report.summary, r, column.key).empty()) continue;
      ++blank_cells;
      INFO(column.key);
      CHECK_FALSE(reason(report.summary, text(report.summary, r, "target"), column.key).empty());
    }
  }
  CHECK(blank_cells > 0);
}

TEST_CASE("The requests table has a row an attempt, and marks those that a summary counts") {
  const Report report = built(test::sample_run());
  const Table& t = report.requests;
  REQUIRE(t.rows.size() == 81 + 84);
  int final_attempts = 0;
  for (std::size_t r = 0; r < t.rows.size(); ++r) {
    final_attempts += text(t, r, "final_attempt") == "1" ? 1 : 0;
  }
  CHECK(final_attempts == 160);
  CHECK(text(t, 0, "phase") == "warm_up");
  CHECK(text(t, 0, "score").empty());
  CHECK(text(t, 1, "request_id") == "req_000002");
  CHECK(text(t, 1, "scheduled_at_utc") == "2024-06-17T00:00:00.000Z");
  CHECK(text(t, 1, "started_unix_ms") == "1718582400002");
  CHECK(text(t, 1, "ttft_ms") == "100");
  CHECK(text(t, 1, "tpot_ms") == "10");
  CHECK(text(t, 1, "output_chars") == "8");
  CHECK(text(t, 1, "score") == "1");
  CHECK(text(t, 1, "cost_usd").empty());  // by the hour, not by the request
  CHECK(text(t, 81, "cost_usd") == "0.0000018");
  const std::size_t last = t.rows.size() - 1;
  CHECK(text(t, last, "error_kind") == "server_error");
  CHECK(text(t, last, "http_status") == "503");
  CHECK(text(t, last, "attempt") == "2");
  CHECK(text(t, last, "error_message") == "overloaded ::error::x");
  CHECK(text(t, last, "ttft_ms").empty());
}

TEST_CASE("The rows that a summary counts give its figures, retries and cut-off ones included") {
  StoredRun run = test::sample_run();
  for (RequestRecord& r : run.records) {
    if (r.cell_id != "small" || r.phase == Phase::warm_up) continue;
    if (r.task_id == "t78") r.failure = Failure::cancelled;
  }
  RequestRecord again = run.records[1];  // task t0, answered at its second attempt 3 s later
  run.records[1].failure = Failure::server_error;
  again.attempt = 2;
  for (auto* at : {&again.scheduled, &again.issued, &again.sent, &again.first_token,
                   &again.last_token, &again.done}) {
    **at += std::chrono::seconds(3);
  }
  run.records.push_back(again);
  const Report report = built(run);
  double ttft = 0;
  int n = 0;
  for (std::size_t i = 0; i < report.requests.rows.size(); ++i) {
    if (text(report.requests, i, "target") != "demo-small") continue;
    if (text(report.requests, i, "final_attempt") != "1") continue;
    ++n;
    ttft += number(report.requests, i, "ttft_ms");
  }
  CHECK(std::to_string(n) == text(report.summary, kSmall, "n_requests"));
  CHECK(number(report.summary, kSmall, "ttft_ms_mean") == Approx(ttft / n));
  CHECK(number(report.summary, kSmall, "retry_rate") == Approx(1.0 / 79));
}

TEST_CASE("Answers are in the requests table only when asked for, and rows can be left out") {
  const StoredRun run = test::sample_run();
  CHECK(write_json(built(run)).find("answer 7\"") == std::string::npos);
  ReportOptions options;
  options.answers = true;
  const Report with = built(run, options);
  CHECK(text(with.requests, 1, "answer_text") == "answer 0");
  CHECK(text(with.requests, 1, "extracted") == "answer 0");
  options.requests = false;
  CHECK(built(run, options).requests.rows.empty());
  CHECK(built(run, options).summary.rows == with.summary.rows);
}

TEST_CASE("The prices of another day or book are used when asked for, and the header says so") {
  const StoredRun run = test::sample_run();
  CHECK(header(built(run), "Prices") == "stored with the run");
  const auto book = PriceBook::parse(R"({"as_of": "2026-01-01", "about": "", "rows": [
    {"provider": "groq", "model": "llama-3.1-8b-instant", "input": "0.5", "output": "0.8",
     "currency": "USD", "from": "2024-01-01", "verified": true, "source": "test"},
    {"provider": "groq", "model": "llama-3.1-8b-instant", "input": "5", "output": "8",
     "currency": "USD", "from": "2025-01-01", "verified": false, "source": "test"}]})");
  REQUIRE(book);
  ReportOptions options;
  options.price_book = *book;
  const Report another_book = built(run, options);
  CHECK(number(another_book.summary, kLarge, "cost_usd_per_1k_tasks") == Approx(0.018));
  CHECK(header(another_book, "Prices").find("another price book") != std::string::npos);
  CHECK(another_book.assumptions.at(1).find("$0.5 in, $0.8 out") != std::string::npos);

  options.price_date = "2025-06-01";
  const Report another_day = built(run, options);
  CHECK(number(another_day.summary, kLarge, "cost_usd_per_1k_tasks") == Approx(0.18));
  CHECK(header(another_day, "Prices").find("2025-06-01") != std::string::npos);
  CHECK(warning(another_day, "unverified_price") != nullptr);

  options.price_date = "2020-01-01";
  const Report too_early = built(run, options);
  CHECK(text(too_early.summary, kLarge, "cost_usd_per_1k_tasks").empty());
  CHECK(warning(too_early, "no_price") != nullptr);
}

TEST_CASE("Stored answers are scored again from the stored rows") {
  StoredRun run = test::sample_run();
  ReportOptions options;
  options.rescore = true;
  CHECK(number(built(run).summary, kSmall, "score_mean") == Approx(0.75));
  const Report again = built(run, options);
  CHECK(number(again.summary, kSmall, "score_mean") == Approx(1));
  CHECK(text(again.summary, kLarge, "n_scored") == "76");  // failures stay failures
  CHECK(number(again.summary, kLarge, "truncated_rate") == Approx(0.025));
  CHECK(header(again, "Scores").find("recomputed") != std::string::npos);

  run.scores.clear();  // the run died before it scored
  CHECK(warning(built(run), "unscored") != nullptr);
  const Report rescued = built(run, options);
  CHECK(number(rescued.summary, kSmall, "score_mean") == Approx(1));
  CHECK(text(rescued.requests, rescued.requests.rows.size() - 1, "outcome") == "error");
  CHECK(warning(rescued, "unscored") == nullptr);
}

TEST_CASE("A stored row that no scorer can use is an error only when scoring again") {
  StoredRun run = test::sample_run();
  run.tasks[3].row.set("scorer", Value::Map{{"name", "guess"}});
  built(run);
  ReportOptions options;
  options.rescore = true;
  const auto report = build_report(*test::store_of({run}), options);
  REQUIRE_FALSE(report);
  CHECK(report.error().kind == ErrorKind::invalid_input);
  CHECK(report.error().what.find("t3") != std::string::npos);
}

TEST_CASE("What makes a run doubtful is warned about") {
  StoredRun run = test::sample_run();
  CHECK(warning(built(run), "few_samples") == nullptr);
  const auto has = [&](std::string_view code) { return warning(built(run), code) != nullptr; };
  SECTION("an unoptimised build") {
    run.run.machine.optimised_build = false;
    CHECK(has("debug_build"));
  }
  SECTION("a sanitizer") {
    run.run.machine.sanitizer_build = true;
    CHECK(has("sanitizer_build"));
  }
  SECTION("an interrupted run") {
    run.run.status = RunStatus::interrupted;
    CHECK(has("unfinished"));
  }
  SECTION("a killed run, with what it had in flight") {
    run.run.status = RunStatus::running;
    for (RequestRecord& r : run.records) {
      if (r.task_id == "t79" && r.cell_id == "small") r.failure = Failure::in_flight;
    }
    CHECK(has("unfinished"));
    const Report killed = built(run);
    REQUIRE(warning(killed, "in_flight") != nullptr);
    CHECK(warning(killed, "in_flight")->what.find("demo-small (1)") != std::string::npos);
    CHECK(text(killed.summary, kSmall, "n_unfinished") == "1");
    CHECK(text(killed.summary, kSmall, "n_requests") == "79");
    CHECK(text(killed.summary, kSmall, "n_error") == "0");
    CHECK(text(killed.summary, kSmall, "n_tasks") == "79");
  }
  SECTION("calls that may be billed and said nothing of their tokens") {
    CHECK_FALSE(has("cost_lower_bound"));
    for (RequestRecord& r : run.records) {
      if (r.cell_id == "large" && (r.task_id == "t4" || r.task_id == "t5")) r.usage = {};
    }
    const Report report = built(run);
    REQUIRE(warning(report, "cost_lower_bound") != nullptr);
    CHECK(warning(report, "cost_lower_bound")->what ==
          "the cost is a lower bound: 2 calls may be billed and their usage is unknown: "
          "demo-large");
    CHECK(text(report.summary, kLarge, "cost_unknown_calls") == "2");
    CHECK(number(report.summary, kLarge, "cost_usd_total") == Approx(74 * 1.8e-6));
  }
  SECTION("several sittings") {
    run.sittings.push_back({1, run.sittings[0].clock_pairs});
    CHECK(has("resumed"));
  }
  SECTION("a price from memory") {
    run.prices[0].verified = false;
    CHECK(has("unverified_price"));
  }
  SECTION("a price of long before the run") {
    CHECK_FALSE(has("old_price"));
    run.prices[0].effective_from = "2023-12-20";  // 180 days before
    CHECK_FALSE(has("old_price"));
    run.prices[0].effective_from = "2023-12-19";
    CHECK(has("old_price"));
  }
  SECTION("energy that is only estimated") {
    run.sources[0].state = EnergyState::estimated;
    CHECK(has("energy_estimated"));
  }
  SECTION("fewer samples than a p95 takes") {
    run.records.resize(1 + 71);
    REQUIRE(warning(built(run), "few_samples") != nullptr);
    CHECK(warning(built(run), "few_samples")->what.find("demo-small (71)") != std::string::npos);
    CHECK(text(built(run).summary, kSmall, "flags").find("few_samples") != std::string::npos);
    CHECK(has("no_requests"));  // of demo-large
  }
}

TEST_CASE("A served model on this machine has this machine's energy") {
  StoredRun run = test::sample_run();
  run.cells[1].target_facts.set("on_this_machine", true);
  const Report report = built(run);
  CHECK(text(report.summary, kLarge, "energy_state") == "measured");
  run.run.energy_notes.set("why_none", "energy was switched off for this run");
  // A later sitting could read the counters.
  CHECK(text(built(run).summary, kLarge, "energy_state") == "measured");
  run.samples.clear();
  CHECK(reason(built(run).summary, "demo-large", "energy_j_per_task") ==
        "energy was switched off for this run");
}

TEST_CASE("A price in another currency is not called dollars") {
  StoredRun run = test::sample_run();
  run.prices[0].input_per_1m = parse_money("500", kKrw);
  run.prices[0].output_per_1m = parse_money("800", kKrw);
  const Report report = built(run);
  CHECK(text(report.summary, kLarge, "cost_usd_total").empty());
  CHECK(text(report.summary, kLarge, "cost_usd_per_1m_tokens").empty());
  CHECK(reason(report.summary, "demo-large", "cost_usd_per_1m_tokens").find("KRW") !=
        std::string::npos);
  CHECK(text(report.requests, 81, "cost_usd").empty());
}

TEST_CASE("Several runs of one file stand in one table, told apart by their start") {
  StoredRun first = test::sample_run(), second = test::sample_run();
  second.run.run_id = "01902000-0000-7000-8000-000000000002";
  second.run.started += std::chrono::hours(1);
  for (RequestRecord& r : second.records) r.run_id = second.run.run_id;
  const Report report = built(*test::store_of({first, second}));
  REQUIRE(report.summary.rows.size() == 4);
  CHECK(report.summary.column("started_at_utc")->headline == 1);
  CHECK(write_terminal(report, {}).find("2024-06-17T01:00:00.000Z") != std::string::npos);
  CHECK(reason(report.summary, "demo-large of 2024-06-17T01:00:00.000Z", "energy_j_per_task") ==
        "not measurable from here");
  CHECK(text(report.requests, 165, "request_id") == "req_000001");
}

TEST_CASE("A store without a run and a damaged cost rule are errors that say what is wrong") {
  const auto empty = build_report(*test::store_of({}), {});
  REQUIRE_FALSE(empty);
  CHECK(empty.error().what.find("no run") != std::string::npos);
  StoredRun run = test::sample_run();
  run.cells[0].target_facts.set("cost", Value::Map{{"kind", "free"}});
  const auto damaged = build_report(*test::store_of({run}), {});
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().what.find("demo-small") != std::string::npos);
}

TEST_CASE("The environment holds the plan, the machine, the targets, the prices and the meters") {
  const Report report = built(test::sample_run());
  const std::string csv = write_csv(report.environment, ',');
  for (const char* line :
       {",run,seed,0,", ",machine,cpu_model,Example CPU @ 2.40GHz,",
        ",target,demo-small.quantization,Q4_0,", ",target,demo-large.cost.illustrative,true,",
        ",task_set,ko_number.sha256,sha256:5e7,",
        ",price,groq/llama-3.1-8b-instant@2024-05-14.input,0.05,USD per 1M tokens",
        ",energy,rapl:0.state,measured,"}) {
    INFO(line);
    CHECK(csv.find(line) != std::string::npos);
  }
}

TEST_CASE("The dictionary explains every column of every table, and each numeric one has a unit") {
  const Report report = built(test::sample_run());
  const Table& t = report.dictionary;
  CHECK(t.rows.size() == report.summary.columns.size() + report.requests.columns.size() +
                             report.environment.columns.size() + t.columns.size());
  for (std::size_t r = 0; r < t.rows.size(); ++r) {
    INFO(text(t, r, "table") << "." << text(t, r, "column"));
    CHECK_FALSE(text(t, r, "description").empty());
    if (text(t, r, "type") == "real") CHECK_FALSE(text(t, r, "unit").empty());
  }
}
