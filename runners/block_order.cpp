#include "runners/block_order.h"

#include <algorithm>
#include <numeric>

#include "metrics/base/random.h"

namespace pennyweight {
namespace {

using Order = std::vector<std::size_t>;

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

std::size_t slice_count(std::size_t tasks, int concurrency) {
  if (concurrency == 1) return tasks;
  return std::max<std::size_t>(1, tasks / (4 * static_cast<std::size_t>(concurrency)));
}

Block BlockSequence::block(std::size_t round) const {
  const std::size_t tasks = grid_.tasks[task_set_];
  const std::size_t slices = slice_count(tasks, grid_.concurrency[load_]);
  const bool warm_up = grid_.warm_up > 0 && round == 0;
  const std::size_t measured = round - (grid_.warm_up > 0 && !warm_up ? 1 : 0);
  Block out;
  out.task_set = task_set_;
  out.load = load_;
  out.phase = warm_up ? Phase::warm_up : Phase::measured;
  out.number = static_cast<int>(measured);
  out.order = static_cast<int>(order_);
  const std::size_t group = task_set_ * grid_.concurrency.size() + load_;
  out.target = target_order(grid_.targets, grid_.seed, group, measured)[order_];
  if (warm_up) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(grid_.warm_up); ++i) {
      out.tasks.push_back(tasks - 1 - i % tasks);
    }
    return out;
  }
  out.repeat = static_cast<int>(measured / slices);
  const std::size_t slice = measured % slices;
  for (std::size_t i = slice * tasks / slices; i < (slice + 1) * tasks / slices; ++i) {
    out.tasks.push_back(i);
  }
  return out;
}

std::optional<Block> BlockSequence::next() {
  while (task_set_ < grid_.tasks.size()) {
    const std::size_t slices = slice_count(grid_.tasks[task_set_], grid_.concurrency[load_]);
    const std::size_t rounds =
        (grid_.warm_up > 0 ? 1 : 0) + static_cast<std::size_t>(grid_.repeat) * slices;
    if (grid_.tasks[task_set_] > 0 && round_ < rounds) {
      Block out = block(round_);
      if (++order_ == grid_.targets) {
        order_ = 0;
        ++round_;
      }
      return out;
    }
    round_ = 0;
    if (++load_ == grid_.concurrency.size()) {
      load_ = 0;
      ++task_set_;
    }
  }
  return std::nullopt;
}

}  // namespace pennyweight
