// How a run ends before its time, and goes on afterwards.
#include <algorithm>
#include <map>
#include <set>

#include "runners/runner.h"
#include "runners/simulated_target.h"
#include "tests/runners/experiment_fixture.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::at_ms;
using test::Bench;

void stop_at(Bench& bench, int ms, int level) {
  bench.loop->call_at(at_ms(ms), [&bench, level] { bench.stop.level = level; });
}

// $1 a token: easy to count.
void price(Experiment& experiment) {
  PriceRow row;
  row.provider = "p";
  row.model = "m";
  row.input_per_1m = Money{0};
  row.output_per_1m = Money{1'000'000ll * 1'000'000'000'000ll};
  experiment.prices[0] = row;
  experiment.plan.targets[0].cost.kind = CostRule::Kind::tokens;
}

constexpr Money usd(int dollars) {
  return Money{dollars * 1'000'000'000'000ll};
}

}  // namespace

TEST_CASE("The first interruption lets what runs finish and saves it") {
  PlanSpec plan = test::small_plan({"sim:ttft=1s,tokens=1"});
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, 2}};
  Experiment experiment = test::open(std::move(plan), 20);
  Bench bench;
  stop_at(bench, 2500, 1);
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::interrupted);
  CHECK(result->requests == 6);
  CHECK(bench.clock.now() == at_ms(3000));
  for (const auto& r : bench.store.records) CHECK(r.failure == Failure::none);
  CHECK(bench.store.scores.size() == 6);
}

TEST_CASE("What does not finish within ten seconds of an interruption is cancelled") {
  Experiment experiment = test::open(test::small_plan({"sim:ttft=60s,tokens=1"}), 2);
  Bench bench;
  stop_at(bench, 1000, 1);
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::interrupted);
  CHECK(result->requests == 0);
  REQUIRE(bench.store.records.size() == 1);
  CHECK(bench.store.records[0].failure == Failure::cancelled);
  CHECK(bench.clock.now() == at_ms(11'000));
  CHECK(bench.store.scores.empty());
}

TEST_CASE("The second interruption cancels at once") {
  Experiment experiment = test::open(test::small_plan({"sim:ttft=60s,tokens=1"}), 2);
  Bench bench;
  stop_at(bench, 1000, 1);
  stop_at(bench, 2000, 2);
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::interrupted);
  CHECK(bench.store.records.at(0).failure == Failure::cancelled);
  CHECK(bench.clock.now() == at_ms(2000));
}

TEST_CASE("An interruption gives up the retries that wait") {
  Experiment experiment =
      test::open(test::small_plan({"sim:ttft=100ms,tokens=1,fail=1,failure=server_error"}), 2);
  Bench bench;
  stop_at(bench, 120, 1);
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(bench.store.records.size() == 1);
  CHECK(bench.clock.now() == at_ms(150));
  CHECK(bench.store.scores.empty());
}

TEST_CASE("After the longest duration nothing more is sent") {
  PlanSpec plan = test::small_plan({"sim:ttft=1s,tokens=1"});
  plan.max_duration = milliseconds(3210);
  Experiment experiment = test::open(std::move(plan), 20);
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::duration_reached);
  CHECK(result->requests == 4);
  CHECK(bench.clock.now() == at_ms(4000));
}

TEST_CASE("A request whose upper bound does not fit the budget is not sent") {
  PlanSpec plan = test::small_plan({"sim:ttft=1s,tokens=3"});
  plan.max_tokens = 10;
  plan.max_cost = usd(20);
  Experiment experiment = test::open(std::move(plan), 20);
  price(experiment);
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::budget_reached);
  // Each reserves $10 and costs $3: after four $12 are spent, and $10 more would pass $20.
  CHECK(result->requests == 4);
}

TEST_CASE("Requests in flight hold their reservation") {
  PlanSpec plan = test::small_plan({"sim:ttft=1s,tokens=3"});
  plan.max_tokens = 10;
  plan.max_cost = usd(25);
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, 4}};
  Experiment experiment = test::open(std::move(plan), 20);
  price(experiment);
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::budget_reached);
  CHECK(result->requests == 2);
}

TEST_CASE("What earlier sittings spent counts") {
  PlanSpec plan = test::small_plan({"sim:ttft=1s,tokens=3"});
  plan.max_tokens = 10;
  plan.max_cost = usd(20);
  Experiment experiment = test::open(std::move(plan), 20);
  price(experiment);
  experiment.earlier.spent = usd(8);
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->requests == 1);
}

TEST_CASE("A target that never connects is given up, the other goes on") {
  Experiment experiment = test::open(
      test::small_plan({"sim:fail=1,failure=connect,name=down", "sim:ttft=10ms,name=up"}), 10);
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::complete);
  REQUIRE(result->lost.size() == 1);
  CHECK(result->lost[0].kind == ErrorKind::unreachable);
  CHECK(result->lost[0].what.find("\"down\" was given up: the last 3") != std::string::npos);
  CHECK(result->lost[0].fix.find("the 7 requests that were not sent") != std::string::npos);
  std::map<std::string, std::set<std::string>> tasks;
  for (const auto& r : bench.store.records) tasks[r.cell_id].insert(r.task_id);
  CHECK(tasks[experiment.cells[0].cell_id].size() == 3);
  CHECK(tasks[experiment.cells[1].cell_id].size() == 10);
}

TEST_CASE("A refused key is given up without retries and counted") {
  Experiment experiment =
      test::open(test::small_plan({"sim:ttft=10ms,fail=1,failure=authentication"}), 10);
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->authentication_failures == 3);
  REQUIRE(result->lost.size() == 1);
  CHECK(result->lost[0].kind == ErrorKind::authentication);
  CHECK(bench.store.records.size() == 3);
}

TEST_CASE("A target that fails now and then is not given up") {
  Experiment experiment =
      test::open(test::small_plan({"sim:ttft=10ms,fail=0.5,failure=connect"}), 30);
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->requests == 30);
  CHECK(result->lost.empty());
}

TEST_CASE("When the store fails sending stops") {
  Experiment experiment = test::open(test::small_plan({"sim:ttft=10ms,tokens=1"}), 30);
  Bench bench;
  bench.store.fails_after = 7;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::store_failed);
  REQUIRE(result->store_error);
  CHECK(result->store_error->what == "disk full");
  CHECK(result->requests == 4);
}

TEST_CASE("A run that was interrupted and whose store failed is both") {
  Experiment experiment = test::open(test::small_plan({"sim:ttft=1s,tokens=1"}), 30);
  Bench bench;
  bench.store.fails_after = 3;
  stop_at(bench, 1500, 1);
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::interrupted);
  REQUIRE(result->store_error);
  CHECK(result->store_error->what == "disk full");
}

TEST_CASE("A resumed run asks what is missing and nothing twice") {
  const auto plan = [] {
    PlanSpec out = test::small_plan({"sim:ttft=1s,tokens=1,name=a", "sim:ttft=2s,tokens=1,name=b"});
    out.repeat = 2;
    out.warm_up = 1;
    return out;
  };
  Bench bench;
  Experiment first = test::open(plan(), 5);
  stop_at(bench, 14'500, 2);
  REQUIRE(bench.run(first)->end == RunEnd::interrupted);
  first.targets.clear();
  const std::size_t before = bench.store.records.size();
  CHECK(before < 22);

  Experiment second = test::open(plan(), 5);
  test::MemoryReader reader(bench.store);
  REQUIRE(resume_from(reader, "run", second));
  bench.stop.level = 0;
  bench.options.sitting = 1;
  bench.loop = make_simulated_event_loop(bench.clock);
  const auto result = bench.run(second);
  REQUIRE(result);
  CHECK(result->end == RunEnd::complete);

  std::map<std::tuple<std::string, std::string, int>, int> answered;
  int warm_ups = 0, cancelled = 0;
  for (const auto& r : bench.store.records) {
    if (r.phase == Phase::warm_up) {
      ++warm_ups;
      continue;
    }
    cancelled += r.failure == Failure::cancelled;
    if (r.failure == Failure::none) ++answered[{r.cell_id, r.task_id, r.repeat}];
  }
  CHECK(answered.size() == 20);
  for (const auto& [key, count] : answered) CHECK(count == 1);
  CHECK(cancelled == 1);
  CHECK(warm_ups == 4);  // each sitting's own
  CHECK(bench.store.scores.size() == 20);
  CHECK(bench.heard.done.back() == 10);
  for (std::size_t i = before; i < bench.store.records.size(); ++i) {
    CHECK(bench.store.records[i].sitting == 1);
  }
}

TEST_CASE("A finished run has nothing left to resume, not even warm-up") {
  PlanSpec plan = test::small_plan({"sim:ttft=1s,tokens=1"});
  plan.warm_up = 2;
  Bench bench;
  Experiment first = test::open(plan, 3);
  REQUIRE(bench.run(first));
  const std::size_t before = bench.store.puts.size();
  Experiment second = test::open(plan, 3);
  test::MemoryReader reader(bench.store);
  REQUIRE(resume_from(reader, "run", second));
  bench.options.sitting = 1;
  REQUIRE(bench.run(second));
  CHECK(bench.store.puts.size() == before);
}

TEST_CASE("An answer whose score was lost is scored and not asked again") {
  Bench bench;
  Experiment first = test::open(test::small_plan({"sim:ttft=1s,tokens=1"}), 3);
  REQUIRE(bench.run(first));
  const auto all = bench.store.scores;
  bench.store.scores.erase(bench.store.scores.begin() + 1);
  const std::size_t before = bench.store.puts.size();
  Experiment second = test::open(test::small_plan({"sim:ttft=1s,tokens=1"}), 3);
  test::MemoryReader reader(bench.store);
  REQUIRE(resume_from(reader, "run", second));
  CHECK(second.earlier.unscored.size() == 1);
  REQUIRE(bench.run(second));
  CHECK(bench.store.puts.size() == before);
  CHECK(bench.store.scores.size() == all.size());
}

TEST_CASE("An attempt that a kill left in flight keeps its row and its cost") {
  Bench bench;
  PlanSpec plan = test::small_plan({"sim:ttft=1s,tokens=3"});
  plan.max_tokens = 10;
  Experiment first = test::open(plan, 2);
  REQUIRE(bench.run(first));
  bench.store.records[1] = bench.store.puts[2];
  bench.store.scores.pop_back();
  REQUIRE(bench.store.records[1].failure == Failure::in_flight);

  Experiment second = test::open(plan, 2);
  price(second);
  test::MemoryReader reader(bench.store);
  REQUIRE(resume_from(reader, "run", second));
  CHECK(second.earlier.spent == usd(3 + 10));
  second.prices[0].reset();
  REQUIRE(bench.run(second));
  REQUIRE(bench.store.records.size() == 3);
  CHECK(bench.store.records[1].failure == Failure::in_flight);
  CHECK(bench.store.records[2].attempt == 2);
  CHECK(bench.store.records[2].task_id == bench.store.records[1].task_id);
}

TEST_CASE("A run with other cells is not resumed, and the difference is named") {
  Bench bench;
  Experiment first = test::open(test::small_plan({"sim:ttft=1s,tokens=1,name=a"}), 3);
  REQUIRE(bench.run(first));
  test::MemoryReader reader(bench.store);
  const auto why = [&](PlanSpec plan, int tasks) {
    Experiment other = test::open(std::move(plan), tasks);
    const auto resumed = resume_from(reader, "run", other);
    REQUIRE(!resumed);
    CHECK(resumed.error().kind == ErrorKind::usage);
    return resumed.error().why;
  };
  CHECK(why(test::small_plan({"sim:ttft=2s,tokens=1,name=a"}), 3)
            .find("target.identity.ttft_ns was 1000000000 and is 2000000000") != std::string::npos);
  CHECK(why(test::small_plan({"sim:ttft=1s,tokens=1,name=a"}), 4).find("task_set") !=
        std::string::npos);
  PlanSpec seed = test::small_plan({"sim:ttft=1s,tokens=1,name=a"});
  seed.seed = 2;
  CHECK(why(seed, 3).find("seed was \"1\" and is \"2\"") != std::string::npos);
  PlanSpec warm = test::small_plan({"sim:ttft=1s,tokens=1,name=a"});
  warm.temperature = 0.5;
  CHECK(why(warm, 3).find("generation.temperature was nothing and is 0.5") != std::string::npos);
  PlanSpec more = test::small_plan({"sim:ttft=1s,tokens=1,name=a", "sim:name=b"});
  CHECK(why(more, 3).find("1 cells and the plan has 2") != std::string::npos);
}

}  // namespace pennyweight
