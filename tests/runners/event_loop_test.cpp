#include "runners/event_loop.h"

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;

namespace {

// Both twins keep the same promises; each section runs on both.
struct Twins {
  SteadyClock steady;
  FakeClock fake;
  std::unique_ptr<EventLoop> loop;
  explicit Twins(bool simulated) {
    if (simulated) {
      loop = make_simulated_event_loop(fake);
    } else {
      auto made = make_event_loop(steady);
      REQUIRE(made);
      loop = std::move(*made);
    }
  }
};

struct SocketPair {
  std::array<int, 2> fd{-1, -1};
  SocketPair() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd.data()) == 0); }
  ~SocketPair() {
    for (const int f : fd)
      if (f >= 0) close(f);
  }
  void send(int side) const { REQUIRE(write(fd[static_cast<std::size_t>(side)], "x", 1) == 1); }
  void drain(int side) const {
    char byte = 0;
    REQUIRE(read(fd[static_cast<std::size_t>(side)], &byte, 1) == 1);
  }
};

std::unique_ptr<EventLoop> real_loop(const SteadyClock& clock) {
  auto made = make_event_loop(clock);
  REQUIRE(made);
  return std::move(*made);
}

}  // namespace

TEST_CASE("timers run in order of time, and equal ones in order of asking") {
  Twins twins(GENERATE(false, true));
  EventLoop& loop = *twins.loop;
  const Instant start = loop.clock().now();
  std::string order;
  loop.call_at(start + 3ms, [&] { order += 'd', loop.stop(); });
  loop.call_at(start + 1ms, [&] { order += 'b'; });
  loop.call_at(start + 2ms, [&] { order += 'c'; });
  loop.call_at(start + 1ms, [&] { order += 'B'; });
  loop.call_at(start - 1ms, [&] { order += 'a'; });
  loop.run();
  CHECK(order == "abBcd");
}

TEST_CASE("no timer runs before its time") {
  Twins twins(GENERATE(false, true));
  EventLoop& loop = *twins.loop;
  int left = 20;
  std::function<void()> again;
  Instant due = loop.clock().now();
  again = [&] {
    CHECK(loop.woke_at() >= due);
    CHECK(loop.clock().now() >= loop.woke_at());
    if (--left == 0) return loop.stop();
    due = loop.clock().now() + 300us;
    loop.call_at(due, again);
  };
  loop.call_at(due, again);
  loop.run();
  CHECK(left == 0);
}

TEST_CASE("a timer that another handler of the same turn cancels does not run") {
  Twins twins(GENERATE(false, true));
  EventLoop& loop = *twins.loop;
  const Instant at = loop.clock().now();
  std::string order;
  TimerId second = 0;
  const TimerId first = loop.call_at(at, [&] {
    order += 'a';
    loop.cancel_timer(second);
    loop.cancel_timer(first);  // its own, running: nothing happens
    loop.cancel_timer(12345);  // unknown: nothing happens
  });
  second = loop.call_at(at, [&] { order += 'b'; });
  loop.call_at(at, [&] { order += 'c', loop.stop(); });
  CHECK(first != 0);
  CHECK(second != first);
  loop.run();
  CHECK(order == "ac");
}

TEST_CASE("jobs run in order of posting, and those posted before stop still run") {
  Twins twins(GENERATE(false, true));
  EventLoop& loop = *twins.loop;
  std::string order;
  loop.post([&] {
    order += 'a';
    loop.post([&] { order += 'c'; });
    loop.stop();
  });
  loop.post([&] { order += 'b'; });
  loop.call_at(loop.clock().now() + 1h, [&] { order += "late"; });
  loop.run();
  CHECK(order == "abc");

  loop.post([&] { order += 'd', loop.stop(); });  // a loop can run again
  loop.run();
  CHECK(order == "abcd");
}

TEST_CASE("a handler that re-arms itself at once does not starve the jobs") {
  Twins twins(GENERATE(false, true));
  EventLoop& loop = *twins.loop;
  int turns = 0;
  std::function<void()> again = [&] {
    if (++turns == 3) loop.post([&] { loop.stop(); });
    if (turns < 1000) loop.call_at(loop.clock().now(), again);
  };
  loop.call_at(loop.clock().now(), again);
  loop.run();
  CHECK(turns >= 3);
  CHECK(turns < 1000);
}

TEST_CASE("jobs of many threads all run, each thread's in its order") {
  Twins twins(GENERATE(false, true));
  EventLoop& loop = *twins.loop;
  constexpr int kThreads = 4, kJobs = 500;
  std::array<int, kThreads> seen{};
  int total = 0;
  bool in_order = true;
  // Keeps the simulated twin, which would return when idle, waiting for the threads.
  std::function<void()> wait = [&] {
    if (total == kThreads * kJobs) return loop.stop();
    std::this_thread::yield();
    loop.post(wait);
  };
  loop.post(wait);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kJobs; ++i)
        loop.post([&, t, i] {
          in_order = in_order && seen[t] == i;
          ++seen[t];
          ++total;
        });
    });
  loop.run();
  for (auto& thread : threads) thread.join();
  CHECK(total == kThreads * kJobs);
  CHECK(in_order);
}

TEST_CASE("a post from another thread wakes a sleeping loop") {
  SteadyClock clock;
  const auto loop = real_loop(clock);
  std::thread other([&] {
    std::this_thread::sleep_for(5ms);
    loop->post([&] { loop->stop(); });
  });
  loop->call_at(clock.now() + 20s, [&] { FAIL("slept through the post"); });
  loop->run();
  other.join();
  CHECK(clock.now() - Instant() < 10s);
}

TEST_CASE("all arrivals of one wake-up have one stamp, not later than now") {
  SteadyClock clock;
  const auto loop = real_loop(clock);
  SocketPair a, b;
  a.send(1);
  b.send(1);
  std::vector<Instant> stamps;
  const auto handler = [&](const SocketPair& pair) {
    return [&](bool readable, bool) {
      REQUIRE(readable);
      pair.drain(0);
      stamps.push_back(loop->woke_at());
      const Instant read_at = clock.now();
      while (clock.now() - read_at < 1ms) continue;  // a slow handler does not move the stamp
      if (stamps.size() == 2) loop->stop();
    };
  };
  REQUIRE(loop->watch(a.fd[0], Interest::read, handler(a)));
  REQUIRE(loop->watch(b.fd[0], Interest::read, handler(b)));
  loop->run();
  REQUIRE(stamps.size() == 2);
  CHECK(stamps[0] == stamps[1]);
}

TEST_CASE("a socket handler may unwatch itself and its neighbour in the same turn") {
  SteadyClock clock;
  const auto loop = real_loop(clock);
  SocketPair a, b;
  a.send(1);
  b.send(1);
  int calls = 0;
  const auto handler = [&](bool, bool) {
    ++calls;
    loop->unwatch(a.fd[0]);
    loop->unwatch(b.fd[0]);
    loop->call_at(clock.now() + 2ms, [&] { loop->stop(); });
  };
  REQUIRE(loop->watch(a.fd[0], Interest::read, handler));
  REQUIRE(loop->watch(b.fd[0], Interest::read, handler));
  loop->run();
  CHECK(calls == 1);  // level-triggered: a watched one would be called again
}

TEST_CASE("watching again replaces handler and interest") {
  SteadyClock clock;
  const auto loop = real_loop(clock);
  SocketPair pair;
  pair.send(1);
  std::string order;
  REQUIRE(loop->watch(pair.fd[0], Interest::read, [&](bool readable, bool writable) {
    order += readable && !writable ? 'r' : '?';
    REQUIRE(loop->watch(pair.fd[0], Interest::read_write, [&](bool r, bool w) {
      order += r && w ? 'b' : '?';
      loop->stop();
    }));
  }));
  loop->run();
  CHECK(order == "rb");
}

TEST_CASE("a closed descriptor whose number is used again is a new watch") {
  SteadyClock clock;
  const auto loop = real_loop(clock);
  SocketPair old;
  const int number = old.fd[0];
  REQUIRE(loop->watch(number, Interest::read, [](bool, bool) { FAIL("the old handler"); }));
  close(number);  // without unwatch, as a library may do
  old.fd[0] = -1;
  SocketPair fresh;
  REQUIRE(dup2(fresh.fd[0], number) == number);
  fresh.send(1);
  int calls = 0;
  REQUIRE(loop->watch(number, Interest::read, [&](bool, bool) {
    ++calls;
    loop->unwatch(number);
    loop->stop();
  }));
  loop->run();
  close(number);
  CHECK(calls == 1);
}

TEST_CASE("the other side's close is readable, so that the reader sees the end") {
  SteadyClock clock;
  const auto loop = real_loop(clock);
  SocketPair pair;
  close(std::exchange(pair.fd[1], -1));
  bool seen = false;
  REQUIRE(loop->watch(pair.fd[0], Interest::read, [&](bool readable, bool) {
    seen = readable;
    loop->stop();
  }));
  loop->run();
  CHECK(seen);
}

TEST_CASE("watching what is no descriptor is an error") {
  SteadyClock clock;
  const auto loop = real_loop(clock);
  const auto watched = loop->watch(-1, Interest::read, [](bool, bool) {});
  REQUIRE_FALSE(watched);
  CHECK(watched.error().kind == ErrorKind::io);
  CHECK_FALSE(watched.error().why.empty());
  loop->unwatch(-1);
}

TEST_CASE("the simulated loop sets the clock exactly to each timer and ends when nothing is left") {
  FakeClock clock;
  const auto loop = make_simulated_event_loop(clock);
  std::vector<std::int64_t> at;
  const auto note = [&] { at.push_back(clock.now().time_since_epoch().count()); };
  loop->call_at(Instant(7ns), note);
  loop->call_at(Instant(24h), [&] {
    note();
    loop->post(note);                   // time stands still for a job
    loop->call_at(Instant(1ns), note);  // in the past: now, the clock does not go back
    loop->call_at(Instant(24h + 5ns), note);
  });
  loop->run();
  const std::int64_t day = std::chrono::nanoseconds(24h).count();
  CHECK(at == std::vector<std::int64_t>{7, day, day, day, day + 5});
  CHECK(loop->woke_at() == clock.now());
}

TEST_CASE("the simulated loop has no descriptors") {
  FakeClock clock;
  const auto loop = make_simulated_event_loop(clock);
  const auto watched = loop->watch(0, Interest::read, [](bool, bool) {});
  REQUIRE_FALSE(watched);
  CHECK(watched.error().kind == ErrorKind::unsupported);
}
