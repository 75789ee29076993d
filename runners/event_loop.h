// One thread that waits for sockets, timers and posts. Ours, because the stamp of an arrival is the one
// thing that must not depend on a library: one Instant is taken when epoll returns and is that of
// everything the return reported.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "metrics/base/clock.h"
#include "metrics/base/result.h"

namespace pennyweight {

using TimerId = std::uint64_t;  // never 0

enum class Interest : std::uint8_t { read = 1, write = 2, read_write = 3 };

// All calls on the loop's thread, except post() and stop().
class EventLoop {
 public:
  virtual ~EventLoop() = default;
  virtual const Clock& clock() const = 0;
  // When the current dispatch began: the arrival time of whatever is being handled.
  virtual Instant woke_at() const = 0;

  // Runs `handler` once at or after `at`, earlier timers first, equal ones in order of asking.
  virtual TimerId call_at(Instant at, std::function<void()> handler) = 0;
  virtual void cancel_timer(TimerId id) = 0;  // unknown or past: nothing

  // Level-triggered. One handler a descriptor; watching again replaces it.
  using FdHandler = std::function<void(bool readable, bool writable)>;
  virtual Result<void> watch(int fd, Interest interest, FdHandler handler) = 0;
  virtual void unwatch(int fd) = 0;

  // Any thread: runs `job` on the loop soon, in order of posting.
  virtual void post(std::function<void()> job) = 0;

  // Until stop(). Jobs posted before stop() still run.
  virtual void run() = 0;
  virtual void stop() = 0;  // any thread
};

// epoll, timerfd in absolute CLOCK_MONOTONIC, eventfd.
Result<std::unique_ptr<EventLoop>> make_event_loop(const SteadyClock& clock);

// The simulated twin: no waiting. When nothing is posted it sets `clock` to the next timer; it has no
// descriptors (watch fails) and stops when nothing is left to do. `clock` outlives it.
std::unique_ptr<EventLoop> make_simulated_event_loop(FakeClock& clock);

}  // namespace pennyweight
