#include "reports/warnings.h"

#include "reports/writers/writer.h"
#include "tests/reports/read_report.h"

using namespace pennyweight;
using namespace pennyweight::test;

TEST_CASE("What makes a run doubtful is warned about") {
  StoredRun run = sample_run();
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
    run.run.command_line = "pennyweight run demo.toml";
    const Report own = built(run);
    REQUIRE(warning(own, "unfinished") != nullptr);
    CHECK(warning(own, "unfinished")->advice == "run --resume goes on where it stopped");
    run.run.command_line = "./pennyweight demo --no-progress";
    const Report demo = built(run);
    REQUIRE(warning(demo, "unfinished") != nullptr);
    CHECK(warning(demo, "unfinished")->advice == "a demo is not resumed: run it again");
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
  SECTION("a later sitting of another machine, or of a slower program") {
    Sitting later{1, run.sittings[0].clock_pairs};
    run.sittings.push_back(later);
    CHECK_FALSE(has("another_machine"));  // it says nothing of its machine
    run.sittings[1].machine = run.run.machine;
    run.sittings[1].machine.load_average_1m = 0.1;
    CHECK_FALSE(has("another_machine"));
    run.sittings[1].machine.cpu_model = "Other CPU";
    run.sittings[1].machine.kernel = "Linux 6.2.0";
    run.sittings[1].machine.optimised_build = false;
    const Report report = built(run);
    REQUIRE(warning(report, "another_machine") != nullptr);
    CHECK(warning(report, "another_machine")
              ->what.find(": sitting 1 (cpu_model, kernel, optimised_build)") != std::string::npos);
    CHECK(warning(report, "debug_build") != nullptr);
  }
  SECTION("a machine that was busy already") {
    run.run.machine.load_average_1m = 1;  // of 2 cores
    CHECK_FALSE(has("busy_machine"));
    run.run.machine.load_average_1m = 1.234;
    REQUIRE(has("busy_machine"));
    CHECK(warning(built(run), "busy_machine")->what ==
          "the machine was busy at the start: latencies and energy may include other work: "
          "load 1.23 on 2 cores");
    run.run.machine.cores_online = 4;  // the load is that of all, not of those we may use
    CHECK_FALSE(has("busy_machine"));
    run.sittings.push_back({1, run.sittings[0].clock_pairs});
    run.sittings[1].machine = run.run.machine;
    run.sittings[1].machine.load_average_1m = 4;
    CHECK(has("busy_machine"));
  }
  SECTION("a server that answers as another model") {
    const auto served = [&](const std::string& asked, const std::string& name) {
      run.cells[1].target_facts.set("model", asked);
      for (RequestRecord& r : run.records) {
        if (r.cell_id == "large") r.model_served = name;
      }
      return has("other_model");
    };
    CHECK_FALSE(served("gpt-4o", "gpt-4o"));
    CHECK_FALSE(served("gpt-4o", "gpt-4o-2024-08-06"));
    CHECK_FALSE(served("gpt-4", "gpt-4-0613"));
    CHECK_FALSE(served("small-latest", "small-2409"));
    CHECK_FALSE(served("gpt-4o", ""));  // it said nothing
    CHECK(served("gpt-4o", "gpt-4o-mini"));
    CHECK(served("gpt-4o", "gpt-4o-mini-2024-07-18"));
    CHECK(served("phi-3", "phi-3-14"));
    CHECK(served("gpt-4o-2024-05-13", "gpt-4o-2024-08-06"));
    CHECK(served("gpt-4", "gpt-40613"));
    CHECK(served("small", "tiny"));
    run.records.back().model_served = "small";  // some answers are not enough
    const Report report = built(run);
    CHECK(warning(report, "other_model")->what ==
          "the server named another model than it was asked for: "
          "demo-large (asked for small, got tiny)");
    CHECK(text(report.summary, kLarge, "flags").find("other_model") != std::string::npos);
    CHECK(text(report.summary, kSmall, "flags").find("other_model") == std::string::npos);
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
  SECTION("a price that the book still holds, and one that nobody looked at for long") {
    run.prices[0].effective_from = "2020-01-01";
    run.prices[0].model = "m";
    CostRule rule;
    rule.kind = CostRule::Kind::tokens;
    rule.price_key = "groq/m";
    run.cells[1].target_facts.set("cost", to_value(rule));
    const auto old_price = [&](const std::string& as_of) {
      const auto book = PriceBook::parse(R"({"as_of": ")" + as_of + R"(", "about": "", "rows": [
        {"provider": "groq", "model": "m", "input": "0.05", "output": "0.08",
         "currency": "USD", "from": "2020-01-01", "verified": true, "source": "test"}]})");
      REQUIRE(book);
      ReportOptions options;
      options.price_book = *book;
      return warning(built(run, options), "old_price") != nullptr;
    };
    CHECK(has("old_price"));  // in no book
    CHECK_FALSE(old_price("2024-06-01"));
    CHECK_FALSE(old_price("2026-06-01"));
    CHECK(old_price("2023-12-19"));
  }
  SECTION("failures beyond what the run allows") {
    CHECK(warning(built(run), "error_rate")->what.find("more than 1 % of") == 0);
    run.cells[1].target_facts.set("max_error_rate", 0.049);
    CHECK(warning(built(run), "error_rate")->what.find("more than 4.9 % of") == 0);
    run.cells[1].target_facts.set("max_error_rate", 0.05);
    CHECK_FALSE(has("error_rate"));
  }
  SECTION("every answer cut, which comes before all figures") {
    CHECK_FALSE(built(run).warnings.front().severe);
    for (StoredScore& score : run.scores) {
      if (score.cell_id == "small") score.outcome = Outcome::truncated;
    }
    const Report report = built(run);
    CHECK(report.warnings.front().severe);
    CHECK(report.warnings.front().what == "every answer was cut at max_tokens: demo-small (80)");
    CHECK_FALSE(report.warnings.back().severe);
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
