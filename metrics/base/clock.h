// The only source of time. One Clock is made at the start of a sitting and injected everywhere, so
// local and remote are timed by the same stopwatch and tests turn it by hand.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>

namespace pennyweight {

using Duration = std::chrono::nanoseconds;

// Tag type: gives Instant the arithmetic of std::chrono and a type of its own, so that a monotonic
// instant is never mixed with a date.
struct Monotonic {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Monotonic, Duration>;
  static constexpr bool is_steady = true;
};

// Nanoseconds of CLOCK_MONOTONIC since the sitting's epoch (the making of its Clock).
using Instant = Monotonic::time_point;

// Nanoseconds since 1970-01-01 UTC. For dates and prices, never for durations.
using UnixTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const noexcept = 0;        // any thread, wait-free
  virtual UnixTime unix_now() const noexcept = 0;  // any thread
};

// CLOCK_MONOTONIC and CLOCK_REALTIME.
class SteadyClock final : public Clock {
 public:
  SteadyClock() : epoch_(read(CLOCK_MONOTONIC)) {}
  Instant now() const noexcept override { return Instant(read(CLOCK_MONOTONIC) - epoch_); }
  UnixTime unix_now() const noexcept override { return UnixTime(read(CLOCK_REALTIME)); }
  // CLOCK_MONOTONIC of the epoch, for timers that the kernel arms in absolute time.
  Duration epoch() const noexcept { return epoch_; }

 private:
  static Duration read(clockid_t id) noexcept {
    timespec t{};
    clock_gettime(id, &t);
    return std::chrono::seconds(t.tv_sec) + Duration(t.tv_nsec);
  }
  Duration epoch_;
};

// Turned by hand, or by the simulated event loop. Starts at instant 0 on 2024-06-17T00:00:00Z.
class FakeClock final : public Clock {
 public:
  Instant now() const noexcept override { return Instant(Duration(now_.load())); }
  UnixTime unix_now() const noexcept override {
    return UnixTime(start_ + Duration(now_.load()) + Duration(step_.load()));
  }
  void advance(Duration d) { now_ += d.count(); }
  void set(Instant t) { now_ = t.time_since_epoch().count(); }
  void step_wall_clock(Duration d) { step_ += d.count(); }  // as NTP may

 private:
  static constexpr Duration start_ = std::chrono::seconds(1'718'582'400);
  std::atomic<std::int64_t> now_{0};
  std::atomic<std::int64_t> step_{0};
};

// 2024-06-17T08:09:10.123Z, whatever the locale.
// In clock.cpp because it formats.
struct UtcText {
  char text[25];
};
UtcText utc_text(UnixTime t) noexcept;

}  // namespace pennyweight
