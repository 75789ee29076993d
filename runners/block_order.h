// What is compared is interleaved: which tasks are asked of which target, in which order.
// A value computed from the seed alone. Sources: ABBA cancels linear drift for two; Williams 1949,
// squares balanced for first-order carry-over (odd numbers need each square and its mirror).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "metrics/record.h"

namespace pennyweight {

// The shape of an experiment, as far as order is concerned.
struct Grid {
  std::vector<std::size_t> tasks;  // selected, of each task set
  std::vector<int> concurrency;    // of each load point
  std::size_t targets = 1;
  int repeat = 1, warm_up = 0;
  std::uint64_t seed = 1;
};

// One target answers some tasks, and nothing else runs.
struct Block {
  std::size_t task_set = 0, load = 0, target = 0;
  Phase phase = Phase::measured;
  int repeat = 0;  // of warm-up: the first of its laps over the tasks
  int number = 0;  // shared by the blocks of the same tasks; counts within task set and load point
  int order = 0;   // place of the target among them
  std::vector<std::size_t> tasks;  // positions in the selection
};

// The targets in the order of round `round`: each round runs the same tasks on all of them.
std::vector<std::size_t> target_order(std::size_t targets, std::uint64_t seed, std::uint64_t group,
                                      std::size_t round);
// How many blocks `tasks` are cut into: single tasks for concurrency 1, else slices of at least
// 4 x concurrency.
std::size_t slice_count(std::size_t tasks, int concurrency);

class BlockSequence {
 public:
  explicit BlockSequence(Grid grid) : grid_(std::move(grid)) {}
  std::optional<Block> next();

 private:
  Block block(std::size_t round) const;
  Grid grid_;
  std::size_t task_set_ = 0, load_ = 0, round_ = 0, order_ = 0;
};

}  // namespace pennyweight
