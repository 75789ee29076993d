#include "tests/runners/experiment_fixture.h"

#include "runners/simulated_target.h"
#include "tests/test.h"

namespace pennyweight::test {

TaskSet small_set(int tasks, const std::string& name, const std::string& target) {
  const std::string manifest = R"({"format":1,"name":")" + name +
                               R"(","version":"1","generate":{"max_tokens":64},)"
                               R"("rows":{"path":"rows.jsonl"},)"
                               R"("score":{"default":{"name":"exact_match"}}})";
  std::string rows;
  for (int i = 0; i < tasks; ++i) {
    rows += R"({"id":"t)" + std::to_string(i) +
            R"(","messages":[{"role":"user","content":"say it"}],"target":")" + target + "\"}\n";
  }
  auto set = TaskSet::parse(manifest, rows, name);
  INFO((set ? "" : set.error().what + " " + set.error().why));
  REQUIRE(set);
  return std::move(*set);
}

PlanSpec small_plan(const std::vector<std::string>& targets) {
  PlanSpec plan;
  plan.warm_up = 0;
  for (const auto& use : targets) {
    auto target = parse_target(use);
    INFO(use);
    REQUIRE(target);
    plan.targets.push_back(std::move(*target));
  }
  return plan;
}

Experiment open(PlanSpec plan, std::vector<TaskSet> sets,
                std::vector<std::unique_ptr<Target>> targets) {
  while (plan.task_sets.size() < sets.size()) {
    plan.task_sets.push_back({sets[plan.task_sets.size()].info().name, std::nullopt});
  }
  auto experiment =
      open_experiment(std::move(plan), std::move(targets), std::move(sets), "2026-09-01");
  INFO((experiment ? "" : experiment.error().what));
  REQUIRE(experiment);
  return std::move(*experiment);
}

Experiment open(PlanSpec plan, int tasks) {
  std::vector<std::unique_ptr<Target>> targets;
  for (const auto& spec : plan.targets) {
    const auto simulated = parse_simulated(scheme_options(spec));
    REQUIRE(simulated);
    targets.push_back(make_simulated_target(spec.name, *simulated));
  }
  std::vector<TaskSet> sets;
  sets.push_back(small_set(tasks));
  return open(std::move(plan), std::move(sets), std::move(targets));
}

void Heard::on_cell_started(const CellInfo& cell) {
  cells.push_back(cell.target + "/" + cell.task_set + "/" + cell.load_point);
}
void Heard::on_request_finished(const CellInfo&, const RequestRecord&, int done_now, int) {
  done.push_back(done_now);
}
void Heard::on_retry(const CellInfo&, const RequestRecord&, Duration wait) {
  waits.push_back(wait);
}

Result<RunResult> Bench::run(Experiment& experiment) {
  options.run_id = "run";
  if (store.cells.empty()) REQUIRE(store.begin_run({}, experiment.cells, {}));
  return run_experiment(experiment, *loop, store, options, heard, stop);
}

}  // namespace pennyweight::test
