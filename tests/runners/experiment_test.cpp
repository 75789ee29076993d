// What an experiment is made of, and what it may cost, before anything is sent.
#include <set>

#include "metrics/cost.h"
#include "runners/budget.h"
#include "runners/requests.h"
#include "runners/runner.h"
#include "runners/simulated_target.h"
#include "tests/runners/experiment_fixture.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using test::small_plan;
using test::small_set;

// A target that says it is remote, or on this machine, and is never asked anything.
class NamedTarget final : public Target {
 public:
  NamedTarget(const std::string& name, const std::string& kind) {
    info_.name = name;
    info_.kind = kind;
    info_.on_this_machine = kind == "local";
    info_.identity.set("hash", "h");
  }
  const TargetInfo& info() const override { return info_; }
  Result<void> attach(EventLoop&, EventSink&) override { return {}; }
  void detach() override {}
  void issue(RequestId, const Request&) override { FAIL("nothing may be sent"); }
  void cancel(RequestId) override {}
  Result<void> check() override { return {}; }

 private:
  TargetInfo info_;
};

Result<Experiment> opened(PlanSpec plan, int tasks = 4) {
  std::vector<std::unique_ptr<Target>> targets;
  for (const auto& spec : plan.targets) {
    const char* kind = spec.scheme == TargetScheme::local    ? "local"
                       : spec.scheme == TargetScheme::remote ? "remote"
                                                             : "simulated";
    targets.push_back(std::make_unique<NamedTarget>(spec.name, kind));
  }
  std::vector<TaskSet> sets;
  sets.push_back(small_set(tasks));
  if (plan.task_sets.empty()) plan.task_sets = {{"small", std::nullopt}};
  return open_experiment(std::move(plan), std::move(targets), std::move(sets), "2026-09-01");
}

Experiment good(PlanSpec plan, int tasks = 4) {
  auto experiment = opened(std::move(plan), tasks);
  INFO((experiment ? "" : experiment.error().what));
  REQUIRE(experiment);
  return std::move(*experiment);
}

}  // namespace

TEST_CASE("A cell's id is the hash of all that makes it, and of nothing else") {
  const auto id = [](PlanSpec plan, int tasks = 4) {
    return good(std::move(plan), tasks).cells[0].cell_id;
  };
  const PlanSpec base = small_plan({"sim:name=a"});
  std::set<std::string> ids{id(base)};
  CHECK(id(base) == *ids.begin());
  CHECK(ids.begin()->size() == 64);
  PlanSpec same = base;
  same.name = "renamed";
  same.repeat = 5;
  same.warm_up = 9;
  same.max_duration = std::chrono::seconds(1);
  CHECK(id(same) == id(base));
  PlanSpec seed = base, temperature = base, load = base, limit = base;
  seed.seed = 2;
  temperature.temperature = 0;
  load.loads = {LoadPoint{LoadPoint::Kind::closed_loop, 2}};
  limit.task_sets = {{"small", 2}};
  for (const PlanSpec& other : {seed, temperature, load, limit, small_plan({"sim:name=b"})}) {
    ids.insert(id(other));
  }
  ids.insert(id(base, 5));
  CHECK(ids.size() == 7);
}

TEST_CASE("Cells come in the plan's order with what they will ask") {
  PlanSpec plan = small_plan({"sim:name=a", "sim:name=b"});
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, 1},
                LoadPoint{LoadPoint::Kind::closed_loop, 4}};
  plan.repeat = 3;
  const Experiment e = good(plan);
  REQUIRE(e.cells.size() == 4);
  CHECK(e.cells[2].target == "a");
  CHECK(e.cells[2].load_point == "c4");
  CHECK(e.cells[2].concurrency == 4);
  CHECK(e.cells[3].planned_requests == 12);
  CHECK(e.cell_of(0, 1, 1) == 3);
}

TEST_CASE("Two cells that are the same are refused, and both are named") {
  const auto twice = [](const PlanSpec& plan, const std::string& other) {
    std::vector<TaskSet> sets;
    sets.push_back(small_set(4));
    sets.push_back(small_set(4, other));
    std::vector<std::unique_ptr<Target>> targets;
    targets.push_back(std::make_unique<NamedTarget>("a", "local"));
    return open_experiment(plan, std::move(targets), std::move(sets), "2026-09-01");
  };
  PlanSpec plan = small_plan({"local:m.gguf,name=a"});
  plan.task_sets = {{"a.jsonl", std::nullopt}, {"./a.jsonl", std::nullopt}};
  CHECK(twice(plan, "other"));
  const auto refused = twice(plan, "small");
  REQUIRE(!refused);
  CHECK(refused.error().kind == ErrorKind::usage);
  CHECK(refused.error().what ==
        "the plan asks twice for the same: a x a.jsonl x c1 and a x ./a.jsonl x c1");
  plan = small_plan({"local:m.gguf,name=a"});
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, 2},
                LoadPoint{LoadPoint::Kind::closed_loop, 2}};
  CHECK_FALSE(opened(plan));
}

TEST_CASE("Without a bound on the output tokens nothing is opened") {
  auto set = TaskSet::parse(
      R"({"format":1,"name":"s","version":"1","rows":{"path":"r.jsonl"},"score":{"default":{"name":"exact_match"}}})",
      "{\"id\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\"target\":\"x\"}\n",
      "s");
  REQUIRE(set);
  PlanSpec plan = small_plan({"sim:"});
  CHECK_FALSE(generation_for(plan, set->info()));
  plan.max_tokens = 7;
  REQUIRE(generation_for(plan, set->info()));
  CHECK(generation_for(plan, set->info())->max_tokens == 7);
}

TEST_CASE("The price in force is found and said in words") {
  const Experiment e = good(small_plan({"http://h/v1#m,price=openai/gpt-4o-mini,name=x"}));
  REQUIRE(e.prices[0]);
  CHECK(e.plan.targets[0].cost.illustrative);
  CHECK(e.plan.targets[0].cost.words ==
        "openai/gpt-4o-mini from 2024-07-18: $0.15 in, $0.6 out per 1M tokens");
  const auto stored = cost_rule_from_value(*e.cells[0].target_facts.find("cost"));
  REQUIRE(stored);
  CHECK(stored->price_key == "openai/gpt-4o-mini");
}

TEST_CASE("An unknown price is refused when asked for and empty when only expected") {
  const auto asked = opened(small_plan({"http://h/v1#m,price=openai/gpt-4o-mni"}));
  REQUIRE(!asked);
  CHECK(asked.error().fix.find("openai/gpt-4o-mini") != std::string::npos);
  const Experiment e = good(small_plan({"openai:brand-new"}));
  CHECK(e.plan.targets[0].cost.kind == CostRule::Kind::none);
  CHECK(e.plan.targets[0].cost.words.find("no price for brand-new") == 0);
}

TEST_CASE("The plan's machine rates are for targets on this machine that do not say their own") {
  PlanSpec plan =
      small_plan({"local:a.gguf", "local:b.gguf,machine_usd_per_hour=1", "sim:", "http://h/v1#m"});
  plan.machine_per_hour = Money{400'000'000'000};
  plan.electricity_per_kwh = Money{150'000'000'000};
  const Experiment e = good(plan);
  CHECK(e.plan.targets[0].cost.words == "$0.4 per hour of use and $0.15 per kWh");
  CHECK(e.plan.targets[1].cost.words == "$1 per hour of use and $0.15 per kWh");
  CHECK(e.plan.targets[2].cost.kind == CostRule::Kind::none);
  CHECK(e.plan.targets[3].cost.kind == CostRule::Kind::none);
  CHECK(*e.cells[0].target_facts.find("on_this_machine")->boolean());  // the report asks for it
  CHECK_FALSE(*e.cells[2].target_facts.find("on_this_machine")->boolean());
}

TEST_CASE("A cost cap that cannot hold is refused") {
  PlanSpec plan = small_plan({"http://h/v1#m"});
  plan.max_cost = Money{1};
  CHECK_FALSE(opened(plan));
  plan = small_plan({"http://h/v1#m,price=openai/gpt-4o-mini", "local:a.gguf",
                     "sim:", "http://h/v1#n,machine_usd_per_hour=0"});
  plan.max_cost = Money{1};
  CHECK(opened(plan));
}

TEST_CASE("A dry run counts every request and bounds its cost") {
  PlanSpec plan = small_plan({"http://h/v1#m,price=openai/gpt-4o-mini,name=x", "local:a.gguf"});
  plan.machine_per_hour = Money{400'000'000'000};
  plan.repeat = 2;
  plan.warm_up = 5;
  plan.max_tokens = 10;
  const Experiment e = good(plan, 4);
  CostBound total;
  const auto grid = dry_run(e, total);
  REQUIRE(grid);
  REQUIRE(grid->size() == 2);
  const int requests = 4 * 2 + 5;
  CHECK(total.requests == 2 * requests);
  CHECK(total.input_tokens == 2 * requests * (6 + 16));
  CHECK(total.output_tokens == 2 * requests * 10);
  const std::int64_t pico = requests * ((6 + 16) * 150'000 + 10 * 600'000);
  CHECK(grid->at(0).cost_bound == Money{pico});
  CHECK(total.total == Money{pico});
  CHECK_FALSE(grid->at(1).cost_bound);
  CHECK(total.note == "machine hours are not in it");
  CHECK(grid->at(0).tasks == 4);
  CHECK(grid->at(0).warm_up == 5);
}

TEST_CASE("The dry run's bound is never below what a run reserves") {
  PlanSpec plan = small_plan({"http://h/v1#m,price=openai/gpt-4o-mini"});
  const Experiment e = good(plan, 7);
  CostBound total;
  REQUIRE(dry_run(e, total));
  Money sum;
  const Pricing pricing = pricing_of(e, 0);
  const auto generation = generation_for(e.plan, e.task_sets[0].set.info());
  for (const std::size_t row : e.task_sets[0].rows) {
    const auto task = e.task_sets[0].set.task(row);
    REQUIRE(task);
    const auto request = make_request(e.plan, e.targets[0]->info(), *generation, *task, 0);
    sum = *add(sum, cost_bound(pricing, usage_bound(request)));
  }
  CHECK(total.total == sum);
}

TEST_CASE(
    "What an attempt cost is exact with usage, nothing when refused, its bound when unknown") {
  PriceRow row;
  row.input_per_1m = Money{1'000'000};
  row.output_per_1m = Money{2'000'000};
  Pricing pricing;
  pricing.rule.kind = CostRule::Kind::tokens;
  pricing.row = row;
  RequestRecord r;
  const Money bound{99};
  CHECK(cost_spent(pricing, r, bound) == Money{0});  // never sent
  r.sent = test::at_ms(0);
  CHECK(cost_spent(pricing, r, bound) == bound);
  r.http_status = 429;
  CHECK(cost_spent(pricing, r, bound) == Money{0});
  r.usage.input_tokens = 3;
  r.usage.output_tokens = 4;
  CHECK(cost_spent(pricing, r, bound) == Money{11});
  pricing.rule.kind = CostRule::Kind::machine;
  pricing.rule.machine.per_hour = Money{3'600'000};
  r.done = test::at_ms(2000);
  CHECK(cost_spent(pricing, r, bound) == Money{2000});
}

TEST_CASE("A budget never lets the sum of spent and reserved pass its cap") {
  Budget budget(Money{10}, Money{1});
  CHECK(budget.reserve(Money{5}));
  CHECK_FALSE(budget.reserve(Money{5}));
  CHECK(budget.reserve(Money{4}));
  budget.settle(Money{5}, Money{2});
  CHECK(budget.reserve(Money{3}));
  CHECK_FALSE(budget.reserve(Money{1}));
  CHECK_FALSE(Budget(Money{10}, {}).reserve(Money{1, kKrw}));
  CHECK(Budget(std::nullopt, {}).reserve(Money{1, kKrw}));
}

TEST_CASE("A prompt's hash changes with its text and its parameters") {
  Request request;
  request.prompt = std::vector<Message>{{"user", "a"}};
  request.generation.max_tokens = 5;
  std::set<std::string> hashes{prompt_sha256(request)};
  request.generation.max_tokens = 6;
  hashes.insert(prompt_sha256(request));
  request.prompt = std::vector<Message>{{"system", "a"}};
  hashes.insert(prompt_sha256(request));
  request.prompt = RawPrompt{"a"};
  hashes.insert(prompt_sha256(request));
  request.prompt = Continuations{RawPrompt{"a"}, {"b", "c"}};
  hashes.insert(prompt_sha256(request));
  CHECK(input_bytes(request) == 4);
  CHECK(hashes.size() == 5);
}

}  // namespace pennyweight
