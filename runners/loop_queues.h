// What the event loop and its simulated twin share: timers in order, and jobs posted by any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "metrics/base/clock.h"
#include "runners/event_loop.h"

namespace pennyweight {

// One thread, the loop's.
class TimerQueue {
 public:
  TimerId add(Instant at, std::function<void()> handler);
  void cancel(TimerId id);
  std::optional<Instant> next() const;
  // Runs what is due at `now`, earlier first, equal ones in order of asking. A timer that a handler
  // adds waits for the next call, so that a handler which re-arms itself cannot starve the sockets.
  void run_due(Instant now);

 private:
  using Key = std::pair<Instant, TimerId>;
  std::map<Key, std::function<void()>> timers_;
  std::unordered_map<TimerId, Instant> when_;
  TimerId last_ = 0;
};

// Any thread.
class JobQueue {
 public:
  // True when the queue was empty: the loop needs one wake-up.
  bool post(std::function<void()> job);
  void stop();
  bool idle() const;  // nothing posted, no stop() asked for
  // Runs what is posted, on the calling thread. True when stop() was called before; then every job
  // posted before stop() has run, and the queue is ready for another run of the loop.
  bool run();

 private:
  mutable std::mutex mutex_;
  std::vector<std::function<void()>> jobs_;
  bool stopping_ = false;
};

}  // namespace pennyweight
