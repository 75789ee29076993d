#include "runners/block_order.h"

#include <algorithm>
#include <map>
#include <set>

#include "tests/test.h"

namespace pennyweight {
namespace {

std::vector<Block> all_blocks(Grid grid) {
  BlockSequence sequence(std::move(grid));
  std::vector<Block> out;
  while (auto block = sequence.next()) out.push_back(*block);
  return out;
}

}  // namespace

TEST_CASE("Two targets alternate as ABBA, and the seed says which is A") {
  std::set<std::size_t> first;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto ab = target_order(2, seed, 0, 0);
    const std::vector<std::size_t> ba(ab.rbegin(), ab.rend());
    for (std::size_t round = 0; round < 8; ++round) {
      CHECK(target_order(2, seed, 0, round) == (round % 2 == 0 ? ab : ba));
    }
    first.insert(ab[0]);
  }
  CHECK(first.size() == 2);
}

TEST_CASE(
    "More targets follow a Williams design: every place and every predecessor equally often") {
  const std::size_t n = GENERATE(3u, 4u, 5u, 6u, 7u);
  const std::size_t rows = n % 2 == 0 ? n : 2 * n;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> place, follows;
  for (std::size_t round = 0; round < rows; ++round) {
    const auto order = target_order(n, 5, 3, round);
    REQUIRE(std::set<std::size_t>(order.begin(), order.end()).size() == n);
    for (std::size_t i = 0; i < n; ++i) {
      ++place[{order[i], i}];
      if (i > 0) ++follows[{order[i - 1], order[i]}];
    }
  }
  CHECK(place.size() == n * n);
  for (const auto& [key, count] : place) CHECK(count == rows / n);
  CHECK(follows.size() == n * (n - 1));
  for (const auto& [key, count] : follows) CHECK(count == rows / n);
}

TEST_CASE("Order is the same for a seed and another for another") {
  std::set<std::vector<std::size_t>> orders;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CHECK(target_order(5, seed, 1, 9) == target_order(5, seed, 1, 9));
    orders.insert(target_order(5, seed, 1, 9));
  }
  CHECK(orders.size() > 3);
}

TEST_CASE("At concurrency 1 a block is one task, asked of every target before the next") {
  Grid grid;
  grid.tasks = {3};
  grid.concurrency = {1};
  grid.targets = 2;
  grid.repeat = 2;
  const auto blocks = all_blocks(grid);
  REQUIRE(blocks.size() == 12);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    CHECK(blocks[i].phase == Phase::measured);
    CHECK(blocks[i].number == static_cast<int>(i / 2));
    CHECK(blocks[i].order == static_cast<int>(i % 2));
    CHECK(blocks[i].repeat == static_cast<int>(i / 6));
    CHECK(blocks[i].tasks == std::vector<std::size_t>{i / 2 % 3});
    if (i % 2 == 1) CHECK(blocks[i].target != blocks[i - 1].target);
    if (i % 2 == 0 && i > 0) CHECK(blocks[i].target == blocks[i - 1].target);
  }
}

TEST_CASE("While no pace is known a block above concurrency 1 is four times as many tasks") {
  const int concurrency = GENERATE(2, 3, 8);
  const std::size_t tasks = GENERATE(1u, 7u, 8u, 100u, 101u);
  Grid grid;
  grid.tasks = {tasks};
  grid.concurrency = {concurrency};
  grid.targets = 3;
  std::vector<std::vector<int>> asked(3, std::vector<int>(tasks, 0));
  for (const Block& block : all_blocks(grid)) {
    const auto least = std::min<std::size_t>(tasks, 4 * static_cast<std::size_t>(concurrency));
    CHECK(block.tasks.size() >= least);
    CHECK(block.tasks.size() < 2 * least + 1);
    for (const std::size_t task : block.tasks) ++asked[block.target][task];
  }
  for (const auto& target : asked) CHECK(target == std::vector<int>(tasks, 1));
}

TEST_CASE("A round takes the tasks of 30 s on the fastest target, and all where little is left") {
  Grid grid;
  grid.tasks = {1000};
  grid.concurrency = {4};
  grid.targets = 2;
  grid.warm_up = 2;
  BlockSequence sequence(grid);
  const auto round = [&](Phase phase) {
    const auto first = sequence.next(), second = sequence.next();
    REQUIRE((first && second));
    CHECK(first->phase == phase);
    CHECK(first->tasks == second->tasks);
    CHECK(first->number == second->number);
    CHECK(first->target != second->target);
    return *second;
  };
  round(Phase::warm_up);
  // Two answers in 1 s leave half of the slots empty: 4 would have come. The other one is slower.
  sequence.note_pace(0, 2, std::chrono::seconds(1));
  sequence.note_pace(1, 4, std::chrono::seconds(2));
  Block block = round(Phase::measured);
  CHECK(block.tasks.size() == 120);
  CHECK(block.tasks.front() == 0);
  // A round refines it: target 0 is slower than it seemed, now target 1 is the fastest.
  sequence.note_pace(0, 120, std::chrono::seconds(60));
  sequence.note_pace(1, 120, std::chrono::seconds(40));
  block = round(Phase::measured);
  CHECK(block.tasks.size() == 90);
  CHECK(block.tasks.front() == 120);
  CHECK(block.number == 1);
  // Where nothing was answered nothing is learnt.
  sequence.note_pace(0, 0, std::chrono::milliseconds(1));
  sequence.note_pace(1, 0, std::chrono::milliseconds(1));
  CHECK(round(Phase::measured).tasks.size() == 90);
  // A slow crowd: never below four times the concurrency.
  sequence.note_pace(0, 4, std::chrono::minutes(5));
  sequence.note_pace(1, 4, std::chrono::minutes(5));
  CHECK(round(Phase::measured).tasks.size() == 16);
  // 684 tasks are left: a second block of 400 would be cut short, so this one takes them all.
  sequence.note_pace(0, 400, std::chrono::seconds(30));
  block = round(Phase::measured);
  CHECK(block.tasks.size() == 684);
  CHECK(block.tasks.back() == 999);
  CHECK_FALSE(sequence.next());
}

TEST_CASE("Pace is of one task set and load point, and cuts no block at concurrency 1") {
  Grid grid;
  grid.tasks = {40};
  grid.concurrency = {1, 2};
  BlockSequence sequence(grid);
  for (std::size_t i = 0; i < 40; ++i) {
    CHECK(sequence.next()->tasks == std::vector<std::size_t>{i});
    sequence.note_pace(0, 1, std::chrono::nanoseconds(0));
  }
  CHECK(sequence.next()->tasks.size() == 8);
  sequence.note_pace(0, 8, std::chrono::nanoseconds(0));  // in no time: as many as there are
  CHECK(sequence.next()->tasks.size() == 32);
}

TEST_CASE("No repeat is cut into more blocks than the bound says, whatever the pace") {
  const int concurrency = GENERATE(1, 2, 8);
  for (const std::size_t tasks : {1u, 7u, 8u, 63u, 64u, 65u, 500u}) {
    Grid grid;
    grid.tasks = {tasks};
    grid.concurrency = {concurrency};
    BlockSequence sequence(grid);
    std::size_t blocks = 0;
    while (const auto block = sequence.next()) {
      ++blocks;
      sequence.note_pace(0, block->tasks.size(), std::chrono::seconds(blocks % 2 == 0 ? 1 : 90));
    }
    CHECK(blocks <= most_blocks(tasks, concurrency));
  }
  CHECK(most_blocks(500, 8) == 15);
}

TEST_CASE("Warm-up comes before each task set and load point, from the end of the selection") {
  Grid grid;
  grid.tasks = {2, 3};
  grid.concurrency = {1, 2};
  grid.targets = 2;
  grid.warm_up = 3;
  const auto blocks = all_blocks(grid);
  std::size_t warm = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].phase != Phase::warm_up) continue;
    ++warm;
    const bool first = i == 0 || blocks[i - 1].task_set != blocks[i].task_set ||
                       blocks[i - 1].load != blocks[i].load;
    CHECK((first || blocks[i - 1].phase == Phase::warm_up));
    CHECK(blocks[i].tasks == (blocks[i].task_set == 0 ? std::vector<std::size_t>{1, 0, 1}
                                                      : std::vector<std::size_t>{2, 1, 0}));
  }
  CHECK(warm == 8);
}

TEST_CASE("An experiment without tasks has no blocks") {
  Grid grid;
  grid.tasks = {0};
  grid.concurrency = {1};
  CHECK(all_blocks(grid).empty());
}

}  // namespace pennyweight
