#include "reports/report.h"

#include "reports/writers/writer.h"
#include "tests/reports/read_report.h"
#include "tests/reports/sample_run.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::test;

TEST_CASE("A stored run becomes the report that its file says") {
  const TempDir directory;
  write_store(sample_run(), directory / "run.db");
  auto store = StoreReader::open(directory / "run.db");
  REQUIRE(store);
  const Report report = built(**store);
  check_golden("reports/run_terminal.txt", write_terminal(report, {}));
  check_golden("reports/run.md", write_markdown(report));
  const Report direct = built(sample_run());
  CHECK(report.summary.rows == direct.summary.rows);
  CHECK(report.requests.rows == direct.requests.rows);
}

TEST_CASE("The summary's figures are those worked out by hand") {
  const Report report = built(sample_run());
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
  StoredRun run = sample_run();
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
  const Report report = built(sample_run());
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
  StoredRun run = sample_run();
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
  const StoredRun run = sample_run();
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
  const StoredRun run = sample_run();
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

TEST_CASE("A price date that is no day is an error of usage") {
  for (const char* const date : {"", "tomorrow", "2026-02-30", "2026-1-31", "2026-01-31T00"}) {
    CAPTURE(date);
    ReportOptions options;
    options.price_date = date;
    const auto report = build_report(*store_of({sample_run()}), options);
    REQUIRE_FALSE(report);
    CHECK(report.error().kind == ErrorKind::usage);
    CHECK(report.error().what.find(date) != std::string::npos);
  }
}

TEST_CASE("Electricity that is asked for and not in the price is said where the price is said") {
  StoredRun run = sample_run();
  const std::string missing = "electricity not included: energy is unavailable";
  CHECK(built(run).assumptions.at(0).find(missing) == std::string::npos);
  run.run.energy_notes.set("why_none", "no counter can be read");
  run.sources.clear();
  run.samples.clear();
  const Report report = built(run);
  CHECK(report.assumptions.at(0).find(missing) != std::string::npos);
  CHECK(report.assumptions.at(1).find(missing) == std::string::npos);  // paid by tokens
  CHECK(reason(report.summary, "demo-small", "cost_electricity_usd_total") ==
        "energy is unavailable: no counter can be read");
  CHECK_FALSE(text(report.summary, kSmall, "cost_usd_total").empty());
}

TEST_CASE("Two targets of one task set are set side by side where both costs are known") {
  StoredRun run = sample_run();
  const std::vector<std::string> expected{
      "ko_number: demo-small costs 14x of demo-large per 1k tasks at illustrative prices, "
      "quality 0.75 vs 1.00, TTFT p50 1x"};
  CHECK(built(run).comparisons == expected);
  SECTION("not of an unpriced target") {
    run.cells[0].target_facts.set("cost", to_value(CostRule{}));
    CHECK(built(run).comparisons.empty());
  }
  SECTION("not of a lower bound") {
    run.records.back().failure = Failure::timeout;
    CHECK(built(run).comparisons.empty());
  }
  SECTION("not of another currency") {
    run.prices[0].input_per_1m = parse_money("500", kKrw);
    run.prices[0].output_per_1m = parse_money("800", kKrw);
    CHECK(built(run).comparisons.empty());
  }
  SECTION("not of three targets") {
    run.cells.push_back(run.cells[1]);
    run.cells.back().target = "third";
    CHECK(built(run).comparisons.empty());
  }
  SECTION("and what one of them lacks is left out") {
    run.scores.clear();
    for (RequestRecord& r : run.records) r.first_token.reset();
    CHECK(built(run).comparisons ==
          std::vector<std::string>{
              "ko_number: demo-small costs 14x of demo-large per 1k tasks at illustrative prices"});
  }
}

TEST_CASE("Stored answers are scored again from the stored rows") {
  StoredRun run = sample_run();
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
  StoredRun run = sample_run();
  run.tasks[3].row.set("scorer", Value::Map{{"name", "guess"}});
  built(run);
  ReportOptions options;
  options.rescore = true;
  const auto report = build_report(*store_of({run}), options);
  REQUIRE_FALSE(report);
  CHECK(report.error().kind == ErrorKind::invalid_input);
  CHECK(report.error().what.find("t3") != std::string::npos);
}

TEST_CASE("A served model on this machine has this machine's energy") {
  StoredRun run = sample_run();
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
  StoredRun run = sample_run();
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
  StoredRun first = sample_run(), second = sample_run();
  second.run.run_id = "01902000-0000-7000-8000-000000000002";
  second.run.started += std::chrono::hours(1);
  for (RequestRecord& r : second.records) r.run_id = second.run.run_id;
  const Report report = built(*store_of({first, second}));
  REQUIRE(report.summary.rows.size() == 4);
  CHECK(report.summary.column("started_at_utc")->headline == 1);
  CHECK(write_terminal(report, {}).find("2024-06-17T01:00:00.000Z") != std::string::npos);
  CHECK(reason(report.summary, "demo-large of 2024-06-17T01:00:00.000Z", "energy_j_per_task") ==
        "not measurable from here");
  CHECK(text(report.requests, 165, "request_id") == "req_000001");
}

TEST_CASE("A store without a run and a damaged cost rule are errors that say what is wrong") {
  const auto empty = build_report(*store_of({}), {});
  REQUIRE_FALSE(empty);
  CHECK(empty.error().what.find("no run") != std::string::npos);
  StoredRun run = sample_run();
  run.cells[0].target_facts.set("cost", Value::Map{{"kind", "free"}});
  const auto damaged = build_report(*store_of({run}), {});
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().what.find("demo-small") != std::string::npos);
}

TEST_CASE("The environment holds the plan, the machine, the targets, the prices and the meters") {
  const Report report = built(sample_run());
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

TEST_CASE("The environment shows each sitting's machine, its load, and the models that answered") {
  StoredRun run = sample_run();
  run.run.machine.load_average_1m = 0.25;
  run.sittings.push_back({1, {{Instant(), run.run.started + std::chrono::hours(24)}}});
  run.sittings[1].program_version = "0.1.1";
  run.sittings[1].machine.cpu_model = "Other CPU";
  run.sittings[1].machine.load_average_1m = 1.5;
  run.sittings[1].energy_notes.set("why_none", "no counter");
  const std::string csv = write_csv(built(run).environment, ',');
  for (const char* line :
       {",machine,load_average_1m,0.25,", ",sitting,0.machine.cpu_model,Example CPU @ 2.40GHz,",
        ",sitting,1.started_at_utc,2024-06-18T00:00:00.000Z,", ",sitting,1.program_version,0.1.1,",
        ",sitting,1.machine.cpu_model,Other CPU,", ",sitting,1.machine.load_average_1m,1.5,",
        ",sitting,1.energy.why_none,no counter,", ",target,demo-large.model_served,m-2024,"}) {
    INFO(line);
    CHECK(csv.find(line) != std::string::npos);
  }
  CHECK(write_csv(built(sample_run()).environment, ',').find(",sitting,") == std::string::npos);
}

TEST_CASE("The dictionary explains every column of every table, and each numeric one has a unit") {
  const Report report = built(sample_run());
  const Table& t = report.dictionary;
  CHECK(t.rows.size() == report.summary.columns.size() + report.requests.columns.size() +
                             report.environment.columns.size() + t.columns.size());
  for (std::size_t r = 0; r < t.rows.size(); ++r) {
    INFO(text(t, r, "table") << "." << text(t, r, "column"));
    CHECK_FALSE(text(t, r, "description").empty());
    if (text(t, r, "type") == "real") CHECK_FALSE(text(t, r, "unit").empty());
  }
}
