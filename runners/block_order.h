// What is compared is interleaved: which tasks are asked of which target, in which order. Tasks and
// targets come in an order computed from the seed alone; above concurrency 1 only the cuts between
// blocks follow the measured pace, so that a block lasts long enough to be compared. Sources: ABBA
// cancels linear drift for two; Williams 1949, squares balanced for first-order carry-over (odd
// numbers need each square and its mirror).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "metrics/base/clock.h"
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
  int number = 0;  // shared by a round, the blocks of the same tasks; counts within task set, load
                   // point and sitting
  int order = 0;   // place of the target among them
  std::vector<std::size_t> tasks;  // positions in the selection
};

// The targets in the order of round `round`: each round runs the same tasks on all of them.
std::vector<std::size_t> target_order(std::size_t targets, std::uint64_t seed, std::uint64_t group,
                                      std::size_t round);
// Positions that a warm-up of `requests` asks, from the end of the selection.
std::vector<std::size_t> warm_up_tasks(std::size_t tasks, int requests);
// The most blocks that one repeat can be cut into: one a task at concurrency 1, else one for each
// 4 x concurrency tasks. Bounds the warm-ups of a cell before anything is measured.
std::size_t most_blocks(std::size_t tasks, int concurrency);

class BlockSequence {
 public:
  explicit BlockSequence(Grid grid);
  // Above concurrency 1 a round is cut when its first block is taken: as many tasks as the fastest
  // target answers in 30 s, at least 4 x concurrency, and all that is left where the rest would be
  // shorter than that. Before any pace is known it is 4 x concurrency.
  std::optional<Block> next();
  // What `target` answered in its latest block of this task set and load point: its pace from now.
  void note_pace(std::size_t target, std::size_t answered, Duration took);

 private:
  void enter_group();
  void end_round();
  std::size_t cut() const;
  std::size_t tasks() const { return grid_.tasks[task_set_]; }
  std::size_t concurrency() const { return static_cast<std::size_t>(grid_.concurrency[load_]); }
  Block block() const;

  Grid grid_;
  std::size_t task_set_ = 0, load_ = 0, order_ = 0;
  std::size_t begin_ = 0, end_ = 0;  // the round's tasks
  int repeat_ = 0, number_ = 0;
  bool warming_up_ = false;
  std::vector<std::size_t> paces_;  // of each target: tasks in 30 s; 0 = not known
};

}  // namespace pennyweight
