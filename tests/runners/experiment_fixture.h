// A small experiment on the simulated loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runners/event_loop.h"
#include "runners/runner.h"
#include "tests/support/memory_store.h"

namespace pennyweight::test {

// Tasks t0, t1 ... each "say it", whose right answer is `target`.
TaskSet small_set(int tasks, const std::string& name = "small", const std::string& target = "ok");

// Targets as their texts say, names by name=; one task set of `tasks`; no warm-up.
PlanSpec small_plan(const std::vector<std::string>& targets);
Experiment open(PlanSpec plan, std::vector<TaskSet> sets,
                std::vector<std::unique_ptr<Target>> targets);
Experiment open(PlanSpec plan, int tasks);  // simulated targets only

// What the observer heard.
struct Heard final : Observer {
  std::vector<std::string> cells;  // "target/task set/load"
  std::vector<int> done;
  std::vector<Duration> waits;
  void on_cell_started(const CellInfo& cell) override;
  void on_request_finished(const CellInfo&, const RequestRecord&, int done_now, int) override;
  void on_retry(const CellInfo&, const RequestRecord&, Duration wait) override;
};

struct Bench {
  FakeClock clock;
  std::unique_ptr<EventLoop> loop = make_simulated_event_loop(clock);
  MemoryStore store;
  Heard heard;
  StopRequest stop;
  RunOptions options;
  Result<RunResult> run(Experiment& experiment);
};

constexpr Instant at_ms(int ms) {
  return Instant(std::chrono::milliseconds(ms));
}

}  // namespace pennyweight::test
