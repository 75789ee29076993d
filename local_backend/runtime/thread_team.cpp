#include "local_backend/runtime/thread_team.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace pennyweight::llm {
namespace {

constexpr auto kSpin = std::chrono::microseconds(50);

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Returns once `value` is no longer `old`: spins for kSpin, then sleeps in a futex.
void wait_for_change(const std::atomic<int>& value, int old) {
  const auto limit = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      relax();
    }
  } while (std::chrono::steady_clock::now() < limit);
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

struct ThreadTeam::Impl {
  explicit Impl(int members) : size(members) {}
  ~Impl() {
    stopping = true;
    call();
    for (auto& worker : workers) worker.join();
  }

  void barrier() noexcept {
    if (size == 1) return;
    const int round = rounds.load(std::memory_order_relaxed);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
      arrived.store(0, std::memory_order_relaxed);
      rounds.fetch_add(1, std::memory_order_release);
      rounds.notify_all();
    } else {
      wait_for_change(rounds, round);
    }
  }

  void work(int member) noexcept {
    for (int seen = 0;;) {
      wait_for_change(calls, seen);
      seen = calls.load(std::memory_order_relaxed);  // stays so until all have passed the barrier
      if (stopping) return;
      (*body)(member);
      barrier();
    }
  }

  void call() noexcept {
    calls.fetch_add(1, std::memory_order_release);
    calls.notify_all();
  }

  const int size;
  const std::function<void(int)>* body = nullptr;  // written before `calls` rises
  bool stopping = false;                           // likewise
  // A cache line each: spinning on one must not slow the writers of the other.
  alignas(64) std::atomic<int> calls{0};
  alignas(64) std::atomic<int> arrived{0};
  alignas(64) std::atomic<int> rounds{0};
  std::vector<std::thread> workers;
};

ThreadTeam::ThreadTeam(int size) : impl_(std::make_unique<Impl>(std::max(size, 1))) {
  for (int member = 1; member < impl_->size; ++member)
    impl_->workers.emplace_back([impl = impl_.get(), member] { impl->work(member); });
}

ThreadTeam::~ThreadTeam() = default;

int ThreadTeam::size() const noexcept {
  return impl_->size;
}

void ThreadTeam::run(const std::function<void(int)>& body) {
  if (impl_->size == 1) return body(0);
  impl_->body = &body;
  impl_->call();
  body(0);
  impl_->barrier();
}

void ThreadTeam::barrier() noexcept {
  impl_->barrier();
}

ThreadTeam::Range ThreadTeam::share(std::size_t count, int member, int members,
                                    std::size_t grain) noexcept {
  const std::size_t grains = (count + grain - 1) / grain, n = static_cast<std::size_t>(members);
  const std::size_t m = static_cast<std::size_t>(member), each = grains / n, extra = grains % n;
  const std::size_t first = m * each + std::min(m, extra);
  const std::size_t last = first + each + (m < extra ? 1 : 0);
  return {std::min(first * grain, count), std::min(last * grain, count)};
}

}  // namespace pennyweight::llm
