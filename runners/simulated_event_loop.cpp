#include <utility>

#include "runners/event_loop.h"
#include "runners/loop_queues.h"

namespace pennyweight {
namespace {

class SimulatedEventLoop final : public EventLoop {
 public:
  explicit SimulatedEventLoop(FakeClock& clock) : clock_(clock), woke_at_(clock.now()) {}

  const Clock& clock() const override { return clock_; }
  Instant woke_at() const override { return woke_at_; }
  TimerId call_at(Instant at, std::function<void()> handler) override {
    return timers_.add(at, std::move(handler));
  }
  void cancel_timer(TimerId id) override { timers_.cancel(id); }
  Result<void> watch(int, Interest, FdHandler) override {
    return fail(ErrorKind::unsupported, "the simulated loop has no descriptors");
  }
  void unwatch(int) override {}
  void post(std::function<void()> job) override { jobs_.post(std::move(job)); }
  void stop() override { jobs_.stop(); }

  void run() override {
    for (;;) {
      woke_at_ = clock_.now();
      if (jobs_.run()) return;
      if (!jobs_.idle()) continue;  // time stands still while there is work
      const auto next = timers_.next();
      if (!next) return;
      if (*next > clock_.now()) clock_.set(*next);
      woke_at_ = clock_.now();
      timers_.run_due(woke_at_);
    }
  }

 private:
  FakeClock& clock_;
  Instant woke_at_;
  TimerQueue timers_;
  JobQueue jobs_;
};

}  // namespace

std::unique_ptr<EventLoop> make_simulated_event_loop(FakeClock& clock) {
  return std::make_unique<SimulatedEventLoop>(clock);
}

}  // namespace pennyweight
