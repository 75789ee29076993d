// Above concurrency 1 a block is a slice of time with a warm-up of its own.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "runners/runner.h"
#include "tests/runners/experiment_fixture.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using std::chrono::seconds;
using test::at_ms;
using test::Bench;

PlanSpec plan_of(const std::vector<std::string>& targets, int concurrency, int warm_up) {
  PlanSpec plan = test::small_plan(targets);
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, concurrency}};
  plan.warm_up = warm_up;
  return plan;
}

// 4 a second and 4 in two seconds: 120 and 60 in 30 s.
const std::vector<std::string> kTwo = {"sim:ttft=1s,tokens=1,name=fast",
                                       "sim:ttft=2s,tokens=1,name=slow"};

using Rows = std::vector<RequestRecord>;

std::map<std::pair<std::string, int>, Rows> by_block(const Bench& bench) {
  std::map<std::pair<std::string, int>, Rows> out;
  for (const auto& r : bench.store.records) out[{r.cell_id, r.block}].push_back(r);
  return out;
}

Rows of_phase(const Rows& rows, Phase phase) {
  Rows out;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(out),
               [&](const auto& r) { return r.phase == phase; });
  return out;
}

std::set<std::string> tasks_of(const Rows& rows) {
  std::set<std::string> out;
  for (const auto& r : rows) out.insert(r.task_id);
  return out;
}

Duration span(const Rows& rows) {
  Instant begin = *rows.front().scheduled, end = *rows.front().done;
  for (const auto& r : rows) {
    begin = std::min(begin, *r.scheduled);
    end = std::max(end, *r.done);
  }
  return end - begin;
}

bool keys_differ(const Rows& rows) {
  std::set<std::tuple<std::string, std::string, int, int>> keys;
  for (const auto& r : rows) keys.insert({r.cell_id, r.task_id, r.repeat, r.attempt});
  return keys.size() == rows.size();
}

}  // namespace

TEST_CASE("A block is the tasks of 30 s on the fastest target, the same for every target") {
  Experiment experiment = test::open(plan_of(kTwo, 4, 2), 400);
  Bench bench;
  REQUIRE(bench.run(experiment));
  CHECK(bench.store.records.size() == 2 * (400 + 3 * 2));
  const auto blocks = by_block(bench);
  REQUIRE(blocks.size() == 6);
  const std::string fast = experiment.cells[0].cell_id, slow = experiment.cells[1].cell_id;
  const std::size_t sizes[] = {120, 120, 160};
  // Warm-up and tasks share the first wave, so the second block ends half a wave later.
  const int spans[] = {30, 31, 41};
  for (int i = 0; i < 3; ++i) {
    const Rows quick = of_phase(blocks.at({fast, i}), Phase::measured);
    CHECK(quick.size() == sizes[i]);
    CHECK(span(quick) == seconds(spans[i]));
    CHECK(span(of_phase(blocks.at({slow, i}), Phase::measured)) == seconds(2 * spans[i]));
    CHECK(tasks_of(quick) == tasks_of(of_phase(blocks.at({slow, i}), Phase::measured)));
  }
  CHECK(keys_differ(bench.store.records));
}

TEST_CASE(
    "A block's warm-up runs straight into its tasks, and the first block has the cell's own") {
  Experiment experiment = test::open(plan_of(kTwo, 4, 6), 400);
  Bench bench;
  REQUIRE(bench.run(experiment));
  for (const auto& [key, rows] : by_block(bench)) {
    const Rows warm = of_phase(rows, Phase::warm_up);
    REQUIRE(warm.size() == 6);
    for (const auto& r : warm) CHECK(r.repeat < 0);
    const Instant last_begins = *std::max_element(rows.begin(), rows.end(), [](auto& a, auto& b) {
                                   return a.scheduled < b.scheduled;
                                 })->scheduled;
    const Rows measured = of_phase(rows, Phase::measured);
    for (const auto& r : warm) CHECK(*r.scheduled <= *measured.front().scheduled);
    if (key.second == 0) {
      CHECK(span(warm) <= *measured.front().scheduled - *warm.front().scheduled);
      continue;
    }
    for (const auto& at : rows) {
      const auto busy = std::count_if(rows.begin(), rows.end(), [&](const auto& r) {
        return r.scheduled <= at.scheduled && *r.done > *at.scheduled;
      });
      if (at.scheduled < last_begins) CHECK(busy == 4);
    }
  }
}

TEST_CASE("The same plan is cut in the same places, and cuts change no order of tasks") {
  const auto run = [](const std::vector<std::string>& targets) {
    Experiment experiment = test::open(plan_of(targets, 4, 2), 300);
    auto bench = std::make_unique<Bench>();
    REQUIRE(bench->run(experiment));
    std::vector<std::tuple<std::string, std::string, int, Instant>> rows;
    std::vector<std::string> tasks;
    for (const auto& r : bench->store.records) {
      rows.emplace_back(r.cell_id, r.task_id, r.block, *r.issued);
      if (r.cell_id == experiment.cells[0].cell_id && r.phase == Phase::measured)
        tasks.push_back(r.task_id);
    }
    return std::make_pair(rows, tasks);
  };
  const auto first = run(kTwo), again = run(kTwo);
  CHECK(first.first == again.first);
  const auto other = run({kTwo[0], "sim:ttft=300ms,tokens=1,name=slow"});
  CHECK(other.first.size() < first.first.size());  // fewer blocks, fewer warm-ups
  CHECK(other.second == first.second);
}

TEST_CASE("Without warm-up the first round is four times the concurrency, the next ones timed") {
  Experiment experiment = test::open(plan_of(kTwo, 4, 0), 400);
  Bench bench;
  REQUIRE(bench.run(experiment));
  CHECK(bench.store.records.size() == 800);
  const auto blocks = by_block(bench);
  const std::string fast = experiment.cells[0].cell_id;
  const std::size_t sizes[] = {16, 120, 120, 144};
  REQUIRE(blocks.size() == 8);
  for (int i = 0; i < 4; ++i) CHECK(blocks.at({fast, i}).size() == sizes[i]);
}

TEST_CASE("Concurrency 1 keeps one task a block and one warm-up a cell") {
  Experiment experiment = test::open(plan_of(kTwo, 1, 2), 50);
  Bench bench;
  REQUIRE(bench.run(experiment));
  CHECK(bench.store.records.size() == 2 * 52);
  for (const auto& [key, rows] : by_block(bench)) {
    CHECK(of_phase(rows, Phase::measured).size() == 1);
    CHECK(of_phase(rows, Phase::warm_up).size() == (key.second == 0 ? 2 : 0));
  }
}

TEST_CASE("A sitting repeats its warm-up once, asks what is missing and uses no key twice") {
  const int stopped_at_s = GENERATE(5, 100, 150);
  Bench bench;
  Experiment first = test::open(plan_of(kTwo, 4, 5), 400);
  bench.loop->call_at(at_ms(stopped_at_s * 1000 + 500), [&bench] { bench.stop.level = 2; });
  REQUIRE(bench.run(first)->end == RunEnd::interrupted);
  const std::size_t before = bench.store.records.size();
  Experiment second = test::open(plan_of(kTwo, 4, 5), 400);
  test::MemoryReader reader(bench.store);
  REQUIRE(resume_from(reader, "run", second));
  bench.stop.level = 0;
  bench.options.sitting = 1;
  bench.loop = make_simulated_event_loop(bench.clock);
  REQUIRE(bench.run(second)->end == RunEnd::complete);
  CHECK(keys_differ(bench.store.records));
  std::map<std::pair<std::string, std::string>, int> answered;
  std::map<std::pair<std::string, int>, int> warm_ups;
  std::map<std::string, std::set<int>> blocks;
  for (std::size_t i = 0; i < bench.store.records.size(); ++i) {
    const auto& r = bench.store.records[i];
    if (r.phase == Phase::measured && r.failure == Failure::none)
      ++answered[{r.cell_id, r.task_id}];
    if (i < before) continue;
    CHECK(r.sitting == 1);
    if (r.phase == Phase::warm_up) ++warm_ups[{r.cell_id, 0}];
    if (r.phase == Phase::measured) blocks[r.cell_id].insert(r.block);
  }
  CHECK(answered.size() == 800);
  for (const auto& [key, count] : answered) CHECK(count == 1);
  for (const auto& cell : second.cells) {
    CHECK(warm_ups[{cell.cell_id, 0}] == 5 * static_cast<int>(blocks[cell.cell_id].size()));
  }
}

TEST_CASE(
    "A dry run's count is never passed, and reached where every block is as short as can be") {
  PlanSpec plan = plan_of({"sim:ttft=60s,tokens=1"}, 2, 3);
  plan.repeat = 2;
  const auto counts = [&](const PlanSpec& of, int tasks) {
    Experiment experiment = test::open(of, tasks);
    CostBound total;
    const auto grid = dry_run(experiment, total);
    REQUIRE(grid);
    Bench bench;
    REQUIRE(bench.run(experiment));
    const auto sent = static_cast<std::int64_t>(bench.store.records.size());
    const auto warm =
        static_cast<std::int64_t>(of_phase(bench.store.records, Phase::warm_up).size());
    CHECK(warm <= grid->at(0).warm_up);
    CHECK(total.requests == tasks * of.repeat + grid->at(0).warm_up);
    return std::make_pair(sent, total.requests);
  };
  const auto slow = counts(plan, 80);
  CHECK(slow.first == 160 + 2 * 10 * 3);
  CHECK(slow.second == slow.first);
  plan = plan_of({"sim:ttft=1s,tokens=1"}, 2, 3);
  const auto quick = counts(plan, 150);
  CHECK(quick.first == 150 + 2 * 3);
  CHECK(quick.second == 150 + 18 * 3);
}

TEST_CASE("Warm-ups of blocks are paid from the same cap") {
  PlanSpec plan = plan_of({"sim:ttft=60s,tokens=1"}, 2, 3);
  plan.max_tokens = 1;
  plan.max_cost = Money{30 * 1'000'000'000'000ll};
  Experiment experiment = test::open(std::move(plan), 80);
  PriceRow row;
  row.input_per_1m = Money{0};
  row.output_per_1m = Money{1'000'000ll * 1'000'000'000'000ll};  // $1 a token
  experiment.prices[0] = row;
  experiment.plan.targets[0].cost.kind = CostRule::Kind::tokens;
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::budget_reached);
  CHECK(bench.store.records.size() == 30);
  CHECK(result->requests == 30 - 3 * 3);  // of three warm-ups
}

}  // namespace pennyweight
