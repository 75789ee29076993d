#include "runners/simulated_target.h"

#include <map>

#include "tests/test.h"

namespace pennyweight {
namespace {

using std::chrono::milliseconds;

struct Sink final : EventSink {
  std::map<RequestId, Instant> sent;
  std::map<RequestId, Completion> finished;
  bool inside_issue = false;
  void on_sent(RequestId id, Instant at) override { sent[id] = at; }
  void on_progress(RequestId, int) override {}
  void on_finished(RequestId id, Completion completion) override {
    CHECK_FALSE(inside_issue);
    finished[id] = std::move(completion);
  }
};

struct Lab {
  FakeClock clock;
  std::unique_ptr<EventLoop> loop = make_simulated_event_loop(clock);
  Sink sink;
  std::unique_ptr<Target> target;

  explicit Lab(std::string_view options) {
    const auto spec = parse_simulated(options);
    REQUIRE(spec);
    target = make_simulated_target("sim", *spec);
    REQUIRE(target->attach(*loop, sink));
  }
  void issue(RequestId id, int max_tokens = 100) {
    Request request;
    request.prompt = std::vector<Message>{{"user", "twelve bytes"}};
    request.generation.max_tokens = max_tokens;
    sink.inside_issue = true;
    target->issue(id, request);
    sink.inside_issue = false;
  }
  Instant at(int ms) const { return Instant(milliseconds(ms)); }
};

}  // namespace

TEST_CASE("A simulated answer's instants follow from its specification") {
  Lab lab("ttft=200ms,tpot=20ms,tokens=3,send_delay=5ms");
  lab.issue(7);
  lab.loop->run();
  CHECK(lab.sink.sent.at(7) == lab.at(5));
  const Completion& c = lab.sink.finished.at(7);
  CHECK(c.sent == lab.at(5));
  CHECK(c.done == lab.at(245));
  CHECK(c.failure == Failure::none);
  CHECK(c.finish == Finish::stop);
  CHECK(c.answer == "ok ok ok");
  REQUIRE(c.chunks.size() == 3);
  for (int i = 0; i < 3; ++i) {
    const Chunk& chunk = c.chunks[static_cast<std::size_t>(i)];
    CHECK(chunk.at == lab.at(205 + 20 * i));
    CHECK(chunk.text_bytes > 0);
    CHECK(chunk.tokens == 1);
  }
  CHECK(c.usage.input_tokens == 3);
  CHECK(c.usage.output_tokens == 3);
}

TEST_CASE("An answer longer than max_tokens is cut") {
  Lab lab("ttft=10ms,tpot=1ms,tokens=8,answer=12345678");
  lab.issue(1, 3);
  lab.loop->run();
  CHECK(lab.sink.finished.at(1).finish == Finish::length);
  CHECK(lab.sink.finished.at(1).answer == "123");
  CHECK(lab.sink.finished.at(1).done == lab.at(12));
}

TEST_CASE("Requests beyond the slots wait first in, first out") {
  Lab lab("ttft=100ms,tokens=1,slots=1");
  for (RequestId id = 1; id <= 3; ++id) lab.issue(id);
  lab.loop->run();
  for (RequestId id = 1; id <= 3; ++id) {
    CHECK(lab.sink.sent.at(id) == lab.at(0));
    CHECK(lab.sink.finished.at(id).done == lab.at(100 * static_cast<int>(id)));
  }
}

TEST_CASE("The share that fails follows from the seed") {
  const auto failures = [](const std::string& options) {
    Lab lab(options);
    for (RequestId id = 1; id <= 200; ++id) lab.issue(id);
    lab.loop->run();
    std::vector<RequestId> out;
    for (const auto& [id, c] : lab.sink.finished) {
      if (c.failure == Failure::none) continue;
      CHECK(c.failure == Failure::rate_limited);
      CHECK(c.http_status == 429);
      CHECK(c.chunks.empty());
      out.push_back(id);
    }
    return out;
  };
  const auto some = failures("fail=0.25,failure=rate_limited,seed=3");
  CHECK(some.size() > 25);
  CHECK(some.size() < 80);
  CHECK(failures("fail=0.25,failure=rate_limited,seed=3") == some);
  CHECK(failures("fail=0.25,failure=rate_limited,seed=4") != some);
}

TEST_CASE("A request that cannot connect was never sent") {
  Lab lab("fail=1,failure=connect,send_delay=3ms");
  lab.issue(1);
  lab.loop->run();
  CHECK(lab.sink.sent.empty());
  CHECK(lab.sink.finished.at(1).failure == Failure::connect);
  CHECK_FALSE(lab.sink.finished.at(1).sent);
  CHECK(lab.sink.finished.at(1).done == lab.at(3));
}

TEST_CASE("A cancelled request keeps what had come and frees its slot") {
  Lab lab("ttft=100ms,tpot=50ms,tokens=10,slots=1");
  lab.issue(1);
  lab.issue(2);
  lab.loop->call_at(lab.at(160), [&] {
    lab.target->cancel(1);
    lab.target->cancel(1);
    lab.target->cancel(99);
  });
  lab.loop->run();
  const Completion& cut = lab.sink.finished.at(1);
  CHECK(cut.failure == Failure::cancelled);
  CHECK(cut.finish == Finish::cancelled);
  CHECK(cut.done == lab.at(160));
  CHECK(cut.chunks.size() == 2);
  CHECK(lab.sink.finished.at(2).done == lab.at(160 + 100 + 9 * 50));
}

}  // namespace pennyweight
