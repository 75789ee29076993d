#include "runners/runner.h"

#include <algorithm>

#include "runners/block_order.h"
#include "runners/budget.h"
#include "runners/closed_loop.h"
#include "runners/requests.h"
#include "runners/score_book.h"
#include "runners/target_health.h"

namespace pennyweight {
namespace {

constexpr Duration kStopPoll = std::chrono::milliseconds(50);
constexpr Duration kClockPairPeriod = std::chrono::seconds(10);
constexpr Duration kDrainTime = std::chrono::seconds(10);

Grid grid_of(const Experiment& experiment) {
  Grid out;
  for (const auto& set : experiment.task_sets) out.tasks.push_back(set.rows.size());
  for (const auto& load : experiment.plan.loads) out.concurrency.push_back(load.concurrency);
  out.targets = experiment.targets.size();
  out.repeat = experiment.plan.repeat;
  out.warm_up = experiment.plan.warm_up;
  out.seed = experiment.plan.seed;
  return out;
}

// A task that a block asks.
struct Asked {
  std::size_t task = 0;  // position in the selection
  Phase phase = Phase::measured;
  int repeat = 0;
};

class Runner final : public ClosedLoop::Host {
 public:
  Runner(Experiment& experiment, EventLoop& loop, StoreWriter& store, const RunOptions& options,
         Observer& observer, StopRequest& stop)
      : experiment_(experiment),
        loop_(loop),
        store_(store),
        options_(options),
        observer_(observer),
        stop_(stop),
        budget_(experiment.plan.max_cost, experiment.earlier.spent),
        driver_(loop, *this, options.retry, experiment.plan.seed),
        blocks_(grid_of(experiment)),
        scores_(experiment, store),
        health_(experiment.targets.size()),
        done_(experiment.cells.size(), 0),
        warm_up_repeats_(experiment.cells.size(), 0),
        announced_(experiment.cells.size(), false),
        warm_(experiment.cells.size(), false) {
    for (std::size_t t = 0; t < experiment.targets.size(); ++t)
      pricing_.push_back(pricing_of(experiment, t));
  }

  Result<RunResult> run();

  bool may_send(const PreparedRequest& request) override;
  void on_edge() override {
    if (options_.at_edge) options_.at_edge();
  }
  void on_attempt_sent(const RequestRecord& record) override { store_.put(record); }
  void settle(const PreparedRequest& request, const RequestRecord& record, bool last) override;
  void on_attempt_done(const RequestRecord& record) override { store_.put(record); }
  void on_retry(const RequestRecord& record, Duration wait) override {
    observer_.on_retry(cell(), record, wait);
  }
  void on_request_done(const PreparedRequest& request, RequestRecord record) override;
  void on_block_done() override;

 private:
  const CellInfo& cell() const { return experiment_.cells[cell_]; }
  void count_earlier();
  void note_losses();
  void next_block();
  bool worth_running(const Block& block) const;
  bool enter_cell(const Block& block);
  std::vector<Asked> asked_in(const Block& block);
  std::vector<Asked> warm_up(const Block& block);
  Result<std::vector<PreparedRequest>> prepare(const Block& block);
  RequestKey key_of(const Block& block, const Asked& asked) const;
  void stop_sending(RunEnd end, std::optional<Duration> patience);
  void poll();
  void put_clock_pair();
  void repeat_clock_pair();
  void finish();

  Experiment& experiment_;
  EventLoop& loop_;
  StoreWriter& store_;
  const RunOptions& options_;
  Observer& observer_;
  StopRequest& stop_;
  Budget budget_;
  ClosedLoop driver_;
  BlockSequence blocks_;
  ScoreBook scores_;
  std::vector<Pricing> pricing_;      // of each target
  std::vector<TargetHealth> health_;  // likewise
  std::vector<int> done_;             // measured requests of each cell, earlier sittings too
  std::vector<int> warm_up_repeats_;  // of each cell: the lowest number used
  std::vector<bool> announced_;       // likewise
  std::vector<bool> warm_;            // likewise: only its warm-up ran in this sitting
  std::size_t cell_ = 0;              // of the block that runs
  Block block_;
  Instant block_begin_{};
  std::size_t block_answered_ = 0;
  std::vector<std::pair<Task, RequestRecord>> answered_;  // to be scored after the block
  bool stopping_ = false, cancelled_ = false;
  TimerId poll_timer_ = 0, pair_timer_ = 0, patience_timer_ = 0, duration_timer_ = 0;
  RunResult result_;
  std::optional<Error> fatal_;
};

Result<RunResult> Runner::run() {
  for (auto& target : experiment_.targets) {
    if (auto ok = target->attach(loop_, driver_); !ok) return fail(ok.error());
  }
  if (auto ok = scores_.score_earlier(); !ok) return fail(ok.error());
  count_earlier();
  repeat_clock_pair();
  poll();
  if (const auto& limit = experiment_.plan.max_duration) {
    duration_timer_ = loop_.call_at(loop_.clock().now() + *limit,
                                    [this] { stop_sending(RunEnd::duration_reached, kDrainTime); });
  }
  loop_.post([this] { next_block(); });
  loop_.run();
  put_clock_pair();
  if (fatal_) return fail(*fatal_);
  result_.store_error = store_.error();
  // An interruption stays one: the error stands beside it.
  if (result_.store_error && result_.end != RunEnd::interrupted) result_.end = RunEnd::store_failed;
  note_losses();
  return result_;
}

void Runner::note_losses() {
  const std::size_t targets = health_.size();
  for (std::size_t t = 0; t < targets; ++t) {
    int unsent = 0;
    for (std::size_t cell = t; cell < done_.size(); cell += targets) {
      unsent += experiment_.cells[cell].planned_requests - done_[cell];
    }
    auto loss = health_[t].loss(experiment_.targets[t]->info().name, unsent);
    if (loss) result_.lost.push_back(std::move(*loss));
  }
}

void Runner::count_earlier() {
  for (std::size_t i = 0; i < done_.size(); ++i) {
    const auto& used = experiment_.earlier.warm_up_repeats;
    const auto found = used.find(experiment_.cells[i].cell_id);
    if (found != used.end()) warm_up_repeats_[i] = found->second;
  }
  for (const auto& [cell_id, task_id, repeat] : experiment_.earlier.finished) {
    for (std::size_t i = 0; i < done_.size(); ++i)
      done_[i] += experiment_.cells[i].cell_id == cell_id;
  }
}

bool Runner::worth_running(const Block& block) const {
  const std::size_t at = experiment_.cell_of(block.task_set, block.load, block.target);
  return !health_[block.target].given_up() && done_[at] < experiment_.cells[at].planned_requests;
}

void Runner::next_block() {
  while (!stopping_) {
    const auto block = blocks_.next();
    if (!block) break;
    if (!worth_running(*block)) continue;
    if (!enter_cell(*block)) continue;
    auto requests = prepare(*block);
    if (!requests) {
      fatal_ = requests.error();
      break;
    }
    if (requests->empty()) continue;
    block_answered_ = 0;
    block_begin_ = loop_.clock().now();
    driver_.start(*experiment_.targets[block->target],
                  experiment_.plan.loads[block->load].concurrency, std::move(*requests));
    return;
  }
  finish();
}

// False when the store fails.
bool Runner::enter_cell(const Block& block) {
  const bool new_group = block.task_set != block_.task_set || block.load != block_.load;
  block_ = block;
  cell_ = experiment_.cell_of(block.task_set, block.load, block.target);
  if (new_group && !store_.checkpoint()) {
    stop_sending(RunEnd::store_failed, std::nullopt);
    return false;
  }
  if (!announced_[cell_]) observer_.on_cell_started(cell());
  announced_[cell_] = true;
  return true;
}

RequestKey Runner::key_of(const Block& block, const Asked& asked) const {
  const OpenedTaskSet& set = experiment_.task_sets[block.task_set];
  return {cell().cell_id, set.set.id(set.rows[asked.task]), asked.repeat};
}

// Each lap over the tasks has a repeat number of its own.
std::vector<Asked> Runner::warm_up(const Block& block) {
  const std::size_t n = experiment_.task_sets[block.task_set].rows.size();
  std::vector<Asked> out;
  for (const std::size_t task : warm_up_tasks(n, experiment_.plan.warm_up)) {
    if (out.size() % n == 0) --warm_up_repeats_[cell_];
    out.push_back({task, Phase::warm_up, warm_up_repeats_[cell_]});
  }
  return out;
}

// What the block still has to ask. Above concurrency 1 it begins with a warm-up, and its tasks
// follow with no pause between, unless the cell's own was the last thing that the cell did.
std::vector<Asked> Runner::asked_in(const Block& block) {
  const bool alone = experiment_.plan.loads[block.load].concurrency == 1;
  if (block.phase == Phase::warm_up) {
    warm_[cell_] = true;
    return warm_up(block);
  }
  std::vector<Asked> measured;
  for (const std::size_t task : block.tasks) {
    const Asked asked{task, Phase::measured, block.repeat};
    if (!experiment_.earlier.finished.contains(key_of(block, asked))) measured.push_back(asked);
  }
  if (measured.empty() || alone) return measured;
  std::vector<Asked> out;
  if (!warm_[cell_]) out = warm_up(block);
  warm_[cell_] = false;
  out.insert(out.end(), measured.begin(), measured.end());
  return out;
}

// Reads and renders the block's tasks before its clock starts.
Result<std::vector<PreparedRequest>> Runner::prepare(const Block& block) {
  const OpenedTaskSet& set = experiment_.task_sets[block.task_set];
  const Target& target = *experiment_.targets[block.target];
  const auto generation = generation_for(experiment_.plan, set.set.info());
  if (!generation) return fail(generation.error());
  std::vector<PreparedRequest> out;
  for (const Asked& asked : asked_in(block)) {
    const std::size_t row = set.rows[asked.task];
    const RequestKey key = key_of(block, asked);
    auto task = set.set.task(row);
    if (!task) return fail(task.error());
    if (asked.phase == Phase::measured) scores_.put_task(set.set, block.task_set, row, *task);
    PreparedRequest p;
    p.request = make_request(experiment_.plan, target.info(), *generation, *task, asked.repeat);
    p.task = std::move(*task);
    p.bound = cost_bound(pricing_[block.target], usage_bound(p.request));
    p.record.run_id = options_.run_id;
    std::tie(p.record.cell_id, p.record.task_id, p.record.repeat) = key;
    p.record.sitting = options_.sitting;
    p.record.block = block.number;
    p.record.order_in_block = block.order;
    p.record.phase = asked.phase;
    p.record.prompt_sha256 = prompt_sha256(p.request);
    p.record.input_bytes = input_bytes(p.request);
    const auto begun = experiment_.earlier.attempts.find(key);
    if (begun != experiment_.earlier.attempts.end()) p.record.attempt = begun->second + 1;
    out.push_back(std::move(p));
  }
  return out;
}

bool Runner::may_send(const PreparedRequest& request) {
  if (stop_.level.load() > 0) stop_sending(RunEnd::interrupted, kDrainTime);
  if (store_.error()) stop_sending(RunEnd::store_failed, kDrainTime);
  if (stopping_ || health_[block_.target].given_up()) return false;
  if (budget_.reserve(request.bound)) return true;
  stop_sending(RunEnd::budget_reached, std::nullopt);
  return false;
}

void Runner::settle(const PreparedRequest& request, const RequestRecord& record, bool last) {
  budget_.settle(request.bound, cost_spent(pricing_[block_.target], record, request.bound));
  // What we cancelled is neither an answer nor the target's fault.
  if (!last || record.failure == Failure::cancelled) return;
  health_[block_.target].take(record);
  if (health_[block_.target].given_up()) driver_.drain();
}

void Runner::on_request_done(const PreparedRequest& request, RequestRecord record) {
  if (record.failure == Failure::cancelled) return;
  result_.authentication_failures += record.failure == Failure::authentication;
  block_answered_ += record.failure == Failure::none;
  if (record.phase != Phase::measured) return;
  ++result_.requests;
  const bool unsupported = record.failure == Failure::unsupported;
  result_.unsupported += unsupported;
  result_.failed += record.failure != Failure::none && !unsupported;
  observer_.on_request_finished(cell(), record, ++done_[cell_], cell().planned_requests);
  answered_.emplace_back(request.task, std::move(record));
}

void Runner::on_block_done() {
  blocks_.note_pace(block_.target, block_answered_, loop_.clock().now() - block_begin_);
  for (const auto& [task, record] : answered_) scores_.put_score(task, record);
  answered_.clear();
  next_block();
}

void Runner::stop_sending(RunEnd end, std::optional<Duration> patience) {
  if (!stopping_ || end == RunEnd::interrupted) result_.end = end;
  if (!stopping_) {
    stopping_ = true;
    driver_.drain();
  }
  if (!patience || patience_timer_ != 0) return;
  patience_timer_ =
      loop_.call_at(loop_.clock().now() + *patience, [this] { driver_.cancel_all(); });
}

void Runner::poll() {
  const int level = stop_.level.load();
  if (level > 0) stop_sending(RunEnd::interrupted, kDrainTime);
  if (level > 1 && !cancelled_) {
    cancelled_ = true;
    driver_.cancel_all();
  }
  poll_timer_ = loop_.call_at(loop_.clock().now() + kStopPoll, [this] { poll(); });
}

void Runner::put_clock_pair() {
  store_.put(Sitting::Pair{loop_.clock().now(), loop_.clock().unix_now()});
}

void Runner::repeat_clock_pair() {
  put_clock_pair();
  pair_timer_ =
      loop_.call_at(loop_.clock().now() + kClockPairPeriod, [this] { repeat_clock_pair(); });
}

void Runner::finish() {
  for (const TimerId timer : {poll_timer_, pair_timer_, patience_timer_, duration_timer_}) {
    if (timer != 0) loop_.cancel_timer(timer);
  }
  loop_.stop();
}

}  // namespace

Result<RunResult> run_experiment(Experiment& experiment, EventLoop& loop, StoreWriter& store,
                                 const RunOptions& options, Observer& observer, StopRequest& stop) {
  Runner runner(experiment, loop, store, options, observer, stop);
  auto result = runner.run();
  for (const auto& target : experiment.targets) target->detach();  // the runner is their sink
  return result;
}

}  // namespace pennyweight
