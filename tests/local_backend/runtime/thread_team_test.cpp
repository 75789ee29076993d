#include "local_backend/runtime/thread_team.h"

#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include <sys/resource.h>

#include "tests/test.h"

namespace pennyweight::llm::test {

TEST_CASE("Every member runs the body once, and run returns after the last") {
  for (const int size : {1, 2, 4}) {
    ThreadTeam team(size);
    REQUIRE(team.size() == size);
    std::vector<int> count(static_cast<std::size_t>(size));
    for (int i = 0; i < 200; ++i) team.run([&](int m) { ++count[static_cast<std::size_t>(m)]; });
    CHECK(count == std::vector<int>(static_cast<std::size_t>(size), 200));
  }
}

TEST_CASE("A barrier shows each member what the others wrote before it") {
  const int size = 3;
  ThreadTeam team(size);
  std::vector<long> values(size, 1);
  std::vector<long> sums(size);
  team.run([&](int m) {
    const auto own = static_cast<std::size_t>(m);
    for (int round = 0; round < 50; ++round) {
      if (round % 7 == m) std::this_thread::sleep_for(std::chrono::microseconds(120));
      sums[own] = std::accumulate(values.begin(), values.end(), 0L);
      team.barrier();
      values[own] = sums[own] % 1000 + 1;
      team.barrier();
    }
  });
  CHECK(sums[0] == sums[1]);
  CHECK(sums[1] == sums[2]);
}

TEST_CASE("A team that has slept wakes up") {
  ThreadTeam team(2);
  int runs = 0;
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    team.run([&](int m) {
      if (m == 1) ++runs;
    });
  }
  CHECK(runs == 3);
}

TEST_CASE("A team without work draws no processor time") {
  ThreadTeam team(4);
  team.run([](int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto used = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return std::chrono::seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  const auto before = used();
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  CHECK(used() - before < std::chrono::milliseconds(20));
}

TEST_CASE("Shares cover everything once, in order and in whole grains") {
  for (const std::size_t count : {0u, 1u, 7u, 64u, 100u})
    for (const int members : {1, 2, 3, 8})
      for (const std::size_t grain : {1u, 16u}) {
        std::size_t next = 0;
        for (int m = 0; m < members; ++m) {
          const auto [begin, end] = ThreadTeam::share(count, m, members, grain);
          REQUIRE(begin == std::min(next, count));
          REQUIRE(begin <= end);
          REQUIRE((end == count || end % grain == 0));
          next = end;
        }
        REQUIRE(next == count);
      }
}

}  // namespace pennyweight::llm::test
