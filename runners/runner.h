// Drives a plan against its targets and writes down what happened.
//
// Order: for each task set and load point, blocks of k tasks (k = 1 in the closed loop of concurrency
// 1, else a slice of the tasks), each block run on every target, target order ABBA for two and Williams
// for more, by seed. While a target on this machine is loaded nothing else runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/task_set.h"
#include "metrics/store.h"
#include "runners/event_loop.h"
#include "runners/plan.h"
#include "runners/retry.h"
#include "runners/target.h"

namespace pennyweight {

// A plan with everything opened: what the runner needs and nothing else.
struct OpenedTaskSet {
  TaskSet set;
  std::vector<std::size_t> rows;  // selected, in order
};
struct Experiment {
  PlanSpec plan;
  std::vector<std::unique_ptr<Target>> targets;  // parallel to plan.targets
  std::vector<OpenedTaskSet> task_sets;          // parallel to plan.task_sets
  std::vector<CellInfo> cells;                   // in plan order: task set, load, target
  std::vector<std::optional<PriceRow>> prices;   // parallel to plan.targets: the row in force
};
// Opens task sets and resolves cells; `date` (YYYY-MM-DD) picks the prices. Targets are opened already.
Result<Experiment> open_experiment(PlanSpec plan, std::vector<std::unique_ptr<Target>> targets,
                                   const std::string& date);

// Upper bound before anything is sent: input tokens <= UTF-8 bytes + 16 a message, output <= max_tokens.
struct CostBound {
  std::optional<Money> total;        // empty when a priced target has no price, or none is priced
  std::string currency_note;         // when targets are priced in different currencies
  std::int64_t requests = 0, input_tokens = 0, output_tokens = 0;
};
struct GridLine {
  std::string cell_id, target, task_set, load_point;
  int tasks = 0, repeat = 0, warm_up = 0;
  std::optional<Money> cost_bound;
};
Result<std::vector<GridLine>> dry_run(const Experiment& experiment, CostBound& total);

// What a person or a log wants to know while it runs. Calls come from the loop's thread and must return
// at once.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_cell_started(const CellInfo& cell) = 0;
  virtual void on_request_finished(const CellInfo& cell, const RequestRecord& record, int done,
                                   int planned) = 0;
  virtual void on_retry(const CellInfo& cell, const RequestRecord& record, Duration wait) = 0;
};

// Set from a signal handler. 1: stop sending, let what runs finish (at most 10 s), save. 2: cancel what
// runs, save. Lock-free.
struct StopRequest {
  std::atomic<int> level{0};
  static_assert(std::atomic<int>::is_always_lock_free);
};

enum class RunEnd : std::uint8_t {
  complete, interrupted, budget_reached, duration_reached, store_failed
};
struct RunResult {
  RunEnd end = RunEnd::complete;
  int requests = 0, failed = 0;           // measured ones; a retried success is not a failure
  int authentication_failures = 0;
  bool all_failed_to_connect = false;     // some target never answered
  std::optional<Error> store_error;
};

// Blocks until the run ends; drives `loop` on this thread. Scores what was answered after each cell.
// With `finished` (keys of requests already in the store) it resumes. A target that refuses the key or
// never answers in its first `give_up_after` requests is given up; the others go on.
Result<RunResult> run_experiment(Experiment& experiment, EventLoop& loop, StoreWriter& store,
                                 const std::string& run_id, int sitting, Observer& observer,
                                 StopRequest& stop);

}  // namespace pennyweight
