#include "runners/block_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "metrics/base/random.h"

namespace pennyweight {
namespace {

using Order = std::vector<std::size_t>;

constexpr Duration kBlockTime = std::chrono::seconds(30);
constexpr std::size_t kLeastWaves = 4;  // of `concurrency` tasks in a block
constexpr double kMostTasks = 1e15;     // in a block; far above any task set, and doubles are exact

void shuffle(Order& order, Random random) {
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
}

// Row of the Williams design: 0, 1, n-1, 2, n-2, ... shifted by `row`; the second n rows are
// mirrored.
Order williams_row(std::size_t n, std::size_t row) {
  Order out(n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t step = (i + 1) / 2;
    out[i] = ((i % 2 == 1 ? step : n - step) + row) % n;
  }
  if (row >= n) std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

std::vector<std::size_t> target_order(std::size_t targets, std::uint64_t seed, std::uint64_t group,
                                      std::size_t round) {
  Order labels(targets);
  std::iota(labels.begin(), labels.end(), std::size_t{0});
  shuffle(labels, Random(seed, Stream::order, group << 32));
  if (targets == 1) return labels;
  const std::size_t rows = targets % 2 == 0 ? targets : 2 * targets;
  Order design(rows);
  std::iota(design.begin(), design.end(), std::size_t{0});
  // For two the order of the rows is the design: AB, BA, AB, BA reads ABBA ABBA.
  if (targets > 2) shuffle(design, Random(seed, Stream::order, (group << 32) + 1 + round / rows));
  Order out = williams_row(targets, design[round % rows]);
  for (auto& place : out) place = labels[place];
  return out;
}

std::vector<std::size_t> warm_up_tasks(std::size_t tasks, int requests) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < static_cast<std::size_t>(requests); ++i) {
    out.push_back(tasks - 1 - i % tasks);
  }
  return out;
}

std::size_t most_blocks(std::size_t tasks, int concurrency) {
  if (concurrency == 1) return tasks;
  return std::max<std::size_t>(1, tasks / (kLeastWaves * static_cast<std::size_t>(concurrency)));
}

BlockSequence::BlockSequence(Grid grid) : grid_(std::move(grid)) {
  enter_group();
}

void BlockSequence::enter_group() {
  begin_ = end_ = order_ = 0;
  repeat_ = number_ = 0;
  warming_up_ = grid_.warm_up > 0;
  paces_.assign(grid_.targets, 0);
}

void BlockSequence::note_pace(std::size_t target, std::size_t answered, Duration took) {
  if (answered == 0) return;
  // In whole waves: a warm-up of 2 at concurrency 8 says what 8 would have done. For a server that
  // was busy with 2 already that is too much, and the first block is longer than it need be.
  const std::size_t waves = (answered + concurrency() - 1) / concurrency();
  const double each = static_cast<double>(std::max(took, Duration(1)).count());
  const double pace = static_cast<double>(waves * concurrency()) * kBlockTime.count() / each;
  paces_[target] = static_cast<std::size_t>(std::min(std::ceil(pace), kMostTasks));
}

// Where the round that begins at begin_ ends.
std::size_t BlockSequence::cut() const {
  if (concurrency() == 1) return begin_ + 1;
  const std::size_t rest = tasks() - begin_;
  const std::size_t wanted =
      std::max(kLeastWaves * concurrency(), *std::max_element(paces_.begin(), paces_.end()));
  return rest < 2 * wanted ? tasks() : begin_ + wanted;
}

void BlockSequence::end_round() {
  order_ = 0;
  if (warming_up_) {
    warming_up_ = false;
    return;
  }
  ++number_;
  begin_ = end_;
  if (begin_ < tasks()) return;
  begin_ = 0;
  ++repeat_;
}

Block BlockSequence::block() const {
  Block out;
  out.task_set = task_set_;
  out.load = load_;
  out.phase = warming_up_ ? Phase::warm_up : Phase::measured;
  out.repeat = repeat_;
  out.number = number_;
  out.order = static_cast<int>(order_);
  const std::size_t group = task_set_ * grid_.concurrency.size() + load_;
  out.target =
      target_order(grid_.targets, grid_.seed, group, static_cast<std::size_t>(number_))[order_];
  if (warming_up_) {
    out.tasks = warm_up_tasks(tasks(), grid_.warm_up);
  } else {
    for (std::size_t i = begin_; i < end_; ++i) out.tasks.push_back(i);
  }
  return out;
}

std::optional<Block> BlockSequence::next() {
  while (task_set_ < grid_.tasks.size()) {
    if (tasks() > 0 && repeat_ < grid_.repeat) {
      if (order_ == 0 && !warming_up_) end_ = cut();
      Block out = block();
      if (++order_ == grid_.targets) end_round();
      return out;
    }
    if (++load_ == grid_.concurrency.size()) {
      load_ = 0;
      ++task_set_;
    }
    enter_group();
  }
  return std::nullopt;
}

}  // namespace pennyweight
