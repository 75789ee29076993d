// Drives a plan against its targets and writes down what happened.
//
// Order: for each task set and load point a warm-up of every target, then each repeat in blocks of
// k tasks: k = 1 in the closed loop of concurrency 1, else what the fastest target answers in 30 s
// (block_order.h). A block runs on every target before the next one begins, target order ABBA for
// two and Williams for more, by seed. One target is loaded at a time. Warm-up asks the last tasks
// of the selection. Above concurrency 1 each block but a cell's first in a sitting, which has the
// cell's, begins with a warm-up of its own, and its tasks follow as slots become free.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
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
// Names one request of a run; its attempts are counted beneath it.
using RequestKey = std::tuple<std::string, std::string, int>;  // cell_id, task_id, repeat
// What earlier sittings of a resumed run left behind. Empty for a new run.
struct Earlier {
  std::set<RequestKey> finished;       // scored, and not for want of a connection or a key
  std::map<RequestKey, int> attempts;  // of requests begun but not finished: theirs go on from here
  std::map<std::string, int> warm_up_repeats;  // of each cell: the lowest number used, below 0
  std::vector<RequestRecord> unscored;         // answered, but the end came before the score
  Money spent;  // counts against max_cost; an upper bound where unknown
};
struct Experiment {
  PlanSpec plan;                                 // resolved: every target's cost rule is filled in
  std::vector<std::unique_ptr<Target>> targets;  // parallel to plan.targets
  std::vector<OpenedTaskSet> task_sets;          // parallel to plan.task_sets
  std::vector<CellInfo> cells;                   // in plan order: task set, load, target
  std::vector<std::optional<PriceRow>> prices;   // parallel to plan.targets: the row in force
  Earlier earlier;
  std::size_t cell_of(std::size_t task_set, std::size_t load, std::size_t target) const {
    return (task_set * plan.loads.size() + load) * targets.size() + target;
  }
};
// Opens task sets and resolves cells; `date` (YYYY-MM-DD) picks the prices. Targets are opened
// already.
Result<Experiment> open_experiment(PlanSpec plan, std::vector<std::unique_ptr<Target>> targets,
                                   const std::string& date);

// The same with the task sets opened, parallel to plan.task_sets.
Result<Experiment> open_experiment(PlanSpec plan, std::vector<std::unique_ptr<Target>> targets,
                                   std::vector<TaskSet> task_sets, const std::string& date);

// Resuming needs the same cells; the error names what differs, by its path in the resolved cell.
Result<void> compare_cells(const std::vector<CellInfo>& stored, const std::vector<CellInfo>& now);
// Compares the cells, then fills `experiment.earlier` from the run's records and scores.
Result<void> resume_from(StoreReader& reader, const std::string& run_id, Experiment& experiment);

// Upper bound before anything is sent: input tokens <= UTF-8 bytes + 16 a message, output <=
// max_tokens. Warm-up included, once a cell at concurrency 1 and above it once for each block of
// the shortest kind, 4 x concurrency tasks; retries are not (a rejected attempt is not billed).
struct CostBound {
  std::optional<Money> total;  // of targets priced by tokens; empty when there is none
  std::string note;            // what the total leaves out: other currencies, machine hours
  std::int64_t requests = 0, input_tokens = 0, output_tokens = 0;
};
struct GridLine {
  std::string cell_id, target, task_set, load_point;
  int tasks = 0, repeat = 0;
  std::int64_t warm_up = 0;  // requests, at most
  std::optional<Money> cost_bound;
};
Result<std::vector<GridLine>> dry_run(const Experiment& experiment, CostBound& total);

// What a person or a log wants to know while it runs. Calls come from the loop's thread and must
// return at once.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on_cell_started(const CellInfo& cell) = 0;
  virtual void on_request_finished(const CellInfo& cell, const RequestRecord& record, int done,
                                   int planned) = 0;
  virtual void on_retry(const CellInfo& cell, const RequestRecord& record, Duration wait) = 0;
};

// Set from a signal handler. 1: stop sending, let what runs finish (at most 10 s), save. 2: cancel
// what runs, save. Lock-free.
struct StopRequest {
  std::atomic<int> level{0};
  static_assert(std::atomic<int>::is_always_lock_free);
};

enum class RunEnd : std::uint8_t {
  complete,
  interrupted,
  budget_reached,
  duration_reached,
  store_failed
};
struct RunResult {
  RunEnd end = RunEnd::complete;
  int requests = 0, failed = 0;  // measured ones; a retried success is not a failure
  int unsupported = 0;           // of the requests; they are no failures
  int authentication_failures = 0;
  std::vector<Error> lost;  // for each target that was given up or never answered, what to tell
  std::optional<Error> store_error;  // also beside `interrupted`
};

struct RunOptions {
  std::string run_id;
  int sitting = 0;  // 0-based
  RetryPolicy retry;
  // Called at each request's issue and end, to mark the edges in the energy samples. May be empty.
  std::function<void()> at_edge;
};

// Blocks until the run ends; drives `loop` on this thread. The caller has begun run and sitting in
// the store and sets the status afterwards. Targets are attached here, so an experiment runs once;
// when this returns nothing is in flight. Warm-up requests carry repeat numbers below 0, each
// warm-up its own, so that no key is used twice. Scored between blocks, while nothing runs. A
// target that is given up (target_health.h) leaves its other requests undone; the other targets go
// on.
Result<RunResult> run_experiment(Experiment& experiment, EventLoop& loop, StoreWriter& store,
                                 const RunOptions& options, Observer& observer, StopRequest& stop);

}  // namespace pennyweight
