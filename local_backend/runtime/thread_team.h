// Threads that do one thing together, many times a second.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace pennyweight::llm {

// run() gives every member the same function and returns when all have finished; the caller is
// member 0. Between two run() calls that follow within 50 us the members spin; within 1 ms of the
// last they are parked, so that an idle engine draws nothing and disturbs no measurement.
class ThreadTeam {
 public:
  explicit ThreadTeam(int size);  // >= 1; size 1 makes no thread
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const noexcept;
  // One thread calls it. `body(member)` must not throw.
  void run(const std::function<void(int member)>& body);
  // Inside a body: waits until every member has come here.
  void barrier() noexcept;

  // The half-open share of [0, count) that belongs to `member`, in multiples of `grain`. The shares
  // do not influence results, only who computes them.
  struct Range {
    std::size_t begin, end;
  };
  static Range share(std::size_t count, int member, int members, std::size_t grain = 1) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pennyweight::llm
