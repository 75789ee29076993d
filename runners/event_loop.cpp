#include "runners/event_loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "runners/loop_queues.h"

namespace pennyweight {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> system_failure(std::string what) {
  return fail(ErrorKind::io, std::move(what), std::generic_category().message(errno));
}

// What epoll gives back: a descriptor and which watch of it is meant, because a number is reused as
// soon as its socket is closed.
std::uint64_t tag(int fd, std::uint32_t generation) {
  return std::uint64_t{generation} << 32 | static_cast<std::uint32_t>(fd);
}

class EpollLoop final : public EventLoop {
 public:
  EpollLoop(const SteadyClock& clock, Descriptor epoll, Descriptor timer, Descriptor wake)
      : clock_(clock),
        epoll_(std::move(epoll)),
        timer_(std::move(timer)),
        wake_(std::move(wake)),
        woke_at_(clock.now()) {}

  Result<void> start() {
    for (const int fd : {timer_.get(), wake_.get()}) {
      epoll_event event{EPOLLIN, {}};
      event.data.u64 = tag(fd, 0);  // generation 0 is ours
      if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return system_failure("cannot watch the event loop's own descriptors");
    }
    return {};
  }

  const Clock& clock() const override { return clock_; }
  Instant woke_at() const override { return woke_at_; }
  TimerId call_at(Instant at, std::function<void()> handler) override {
    return timers_.add(at, std::move(handler));
  }
  void cancel_timer(TimerId id) override { timers_.cancel(id); }

  Result<void> watch(int fd, Interest interest, FdHandler handler) override {
    if (++generation_ == 0) ++generation_;
    const auto bits = static_cast<unsigned>(interest);
    epoll_event event{};
    if ((bits & static_cast<unsigned>(Interest::read)) != 0) event.events |= EPOLLIN;
    if ((bits & static_cast<unsigned>(Interest::write)) != 0) event.events |= EPOLLOUT;
    event.data.u64 = tag(fd, generation_);
    // The kernel forgets a closed socket by itself, so what we remember may be out of date.
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0 &&
        (errno != ENOENT || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0))
      return system_failure("cannot watch a socket");
    watches_[fd] = {generation_, event.events,
                    std::make_shared<const FdHandler>(std::move(handler))};
    return {};
  }

  void unwatch(int fd) override {
    if (watches_.erase(fd) == 0) return;
    epoll_event ignored{};
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, &ignored);  // may be closed already
  }

  void post(std::function<void()> job) override {
    if (jobs_.post(std::move(job))) wake();
  }
  void stop() override {
    jobs_.stop();
    wake();
  }

  void run() override {
    do {
      arm();
      const int n = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), -1);
      woke_at_ = clock_.now();  // the stamp of everything this return reported
      for (int i = 0; i < n; ++i) dispatch(events_[static_cast<std::size_t>(i)]);
      timers_.run_due(woke_at_);
    } while (!jobs_.run());  // every turn, so that a handler's stop() ends this one
  }

 private:
  struct Watch {
    std::uint32_t generation = 0;
    std::uint32_t events = 0;
    std::shared_ptr<const FdHandler> handler;
  };

  void arm() {
    const auto next = timers_.next();
    if (next == armed_) return;
    itimerspec when{};  // zero disarms
    if (next) {
      const Duration at = std::max(Duration(1), clock_.epoch() + next->time_since_epoch());
      when.it_value.tv_sec = static_cast<time_t>(at.count() / 1'000'000'000);
      when.it_value.tv_nsec = static_cast<long>(at.count() % 1'000'000'000);
    }
    timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
    armed_ = next;
  }

  void dispatch(const epoll_event& event) {
    const auto fd = static_cast<int>(event.data.u64 & 0xffff'ffffu);
    if (event.data.u64 >> 32 == 0) {
      std::uint64_t ignored = 0;
      if (read(fd, &ignored, sizeof ignored) > 0 && fd == timer_.get()) armed_.reset();
      return;
    }
    const auto found = watches_.find(fd);
    if (found == watches_.end() || tag(fd, found->second.generation) != event.data.u64)
      return;                                    // unwatched or replaced by a handler of this turn
    const auto handler = found->second.handler;  // it may unwatch itself
    const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    const auto ready = broken ? found->second.events : event.events;
    (*handler)((ready & EPOLLIN) != 0, (ready & EPOLLOUT) != 0);
  }

  void wake() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the loop is awake already.
    [[maybe_unused]] const auto ignored = write(wake_.get(), &one, sizeof one);
  }

  const SteadyClock& clock_;
  Descriptor epoll_, timer_, wake_;
  Instant woke_at_;
  TimerQueue timers_;
  JobQueue jobs_;
  std::unordered_map<int, Watch> watches_;
  std::uint32_t generation_ = 0;
  std::optional<Instant> armed_;  // what the timerfd is set to
  std::array<epoll_event, 64> events_{};
};

}  // namespace

Result<std::unique_ptr<EventLoop>> make_event_loop(const SteadyClock& clock) {
  Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (epoll.get() < 0) return system_failure("cannot create an epoll instance");
  Descriptor timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (timer.get() < 0) return system_failure("cannot create a timer descriptor");
  Descriptor wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (wake.get() < 0) return system_failure("cannot create an event descriptor");
  auto loop =
      std::make_unique<EpollLoop>(clock, std::move(epoll), std::move(timer), std::move(wake));
  if (auto started = loop->start(); !started) return fail(std::move(started.error()));
  return loop;
}

}  // namespace pennyweight
