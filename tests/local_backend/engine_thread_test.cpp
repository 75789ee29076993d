#include "local_backend/engine_thread.h"

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "local_backend/synthetic_model.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

using pennyweight::test::TempDir;

// Waits until the generation is over. Its callbacks come on the engine's thread.
class Waiter final : public GenerationSink {
 public:
  void on_prefill(int prompt_tokens, int) override {
    const std::scoped_lock lock(mutex_);
    prompt = prompt_tokens;
  }
  void on_token(const GeneratedToken& token) override {
    {
      const std::scoped_lock lock(mutex_);
      ++tokens;
      text += token.bytes;
    }
    changed_.notify_all();
    if (when_token) when_token();
  }
  void on_finished(FinishReason why, std::string_view tail, const Error* problem) override {
    const std::scoped_lock lock(mutex_);
    text += tail;
    reason = why;
    if (problem != nullptr) error = problem->what;
    ++finished;
    order = next_order++;
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return finished > 0; });
  }
  void wait_for_token() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tokens > 0; });
  }

  static inline std::atomic<int> next_order{0};
  std::function<void()> when_token;
  int prompt = 0, tokens = 0, finished = 0, order = -1;
  FinishReason reason = FinishReason::error;
  std::string text, error;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

struct Fixture {
  explicit Fixture(int parallel = 0) {
    SyntheticSpec spec;
    spec.embedding_length = 64;
    spec.feed_forward_length = 160;
    REQUIRE(write_synthetic_model(spec, dir / "m.gguf"));
    auto engine = Engine::open(dir / "m.gguf", {.threads = 2, .parallel = parallel});
    REQUIRE(engine);
    thread = std::make_unique<EngineThread>(*std::move(engine));
  }
  static GenerateRequest request(int max_tokens) {
    GenerateRequest r;
    r.prompt = PromptText{"Tell me something."};
    r.max_tokens = max_tokens;
    r.ignore_eos = true;
    return r;
  }
  TempDir dir;
  std::unique_ptr<EngineThread> thread;
};

}  // namespace

TEST_CASE("Requests of all kinds are answered in the order of their coming") {
  Fixture f;
  std::vector<std::shared_ptr<Waiter>> sinks;
  for (int i = 0; i < 4; ++i) {
    GenerateRequest request = Fixture::request(5 + i);
    if (i == 1) request.prompt = std::vector<ChatMessage>{{"user", "Hello"}};
    if (i == 2) request.prompt = std::vector<Token>{5, 6, 7};
    sinks.push_back(std::make_shared<Waiter>());
    REQUIRE(f.thread->submit(request, sinks.back()) != 0);
  }
  for (auto& sink : sinks) sink->wait();
  for (int i = 0; i < 4; ++i) {
    const Waiter& sink = *sinks[static_cast<std::size_t>(i)];
    CHECK(sink.tokens == 5 + i);
    CHECK(sink.finished == 1);
    CHECK(sink.reason == FinishReason::length);
    CHECK(sink.order == sinks[0]->order + i);
  }
  CHECK(sinks[2]->prompt == 3);
}

TEST_CASE("A request that cannot run ends with its reason, and the next one runs") {
  Fixture f;
  auto bad = std::make_shared<Waiter>(), none = std::make_shared<Waiter>();
  auto good = std::make_shared<Waiter>();
  GenerateRequest too_long = Fixture::request(5);
  too_long.prompt = std::vector<Token>(5000, 5);
  f.thread->submit(too_long, bad);
  f.thread->submit(Fixture::request(-1), none);
  f.thread->submit(Fixture::request(2), good);
  good->wait();
  CHECK(bad->finished == 1);
  CHECK(bad->reason == FinishReason::error);
  CHECK(bad->error.find("5000 tokens") != std::string::npos);
  CHECK(none->error.find("max_tokens") != std::string::npos);
  CHECK(good->reason == FinishReason::length);
}

TEST_CASE("Cancelling reaches the running request and those that wait") {
  Fixture f(1);
  auto running = std::make_shared<Waiter>(), waiting = std::make_shared<Waiter>();
  auto last = std::make_shared<Waiter>();
  const auto first = f.thread->submit(Fixture::request(4000), running);
  const auto second = f.thread->submit(Fixture::request(4000), waiting);
  f.thread->submit(Fixture::request(1), last);
  running->wait_for_token();
  f.thread->cancel(second);
  waiting->wait();  // although the first still runs
  CHECK(running->finished == 0);
  f.thread->cancel(first);
  f.thread->cancel(987);
  last->wait();
  CHECK(running->finished == 1);
  CHECK(running->reason == FinishReason::cancelled);
  CHECK(running->tokens < 4000);
  CHECK(waiting->finished == 1);
  CHECK(waiting->tokens == 0);
  CHECK(last->reason == FinishReason::length);
  f.thread->cancel(first);
}

TEST_CASE("A request does not wait for a longer one that runs already") {
  Fixture f;
  auto slow = std::make_shared<Waiter>(), quick = std::make_shared<Waiter>();
  const auto id = f.thread->submit(Fixture::request(4000), slow);
  slow->wait_for_token();
  f.thread->submit(Fixture::request(3), quick);
  quick->wait();
  CHECK(quick->reason == FinishReason::length);
  CHECK(slow->finished == 0);
  f.thread->cancel(id);
  slow->wait();
}

TEST_CASE("Cancelling right after submitting never loses the end") {
  Fixture f;
  for (int i = 0; i < 50; ++i) {
    auto sink = std::make_shared<Waiter>();
    const auto id = f.thread->submit(Fixture::request(4000), sink);
    if (i % 2 == 1) sink->wait_for_token();
    f.thread->cancel(id);
    sink->wait();
    REQUIRE(sink->reason == FinishReason::cancelled);
    REQUIRE(sink->finished == 1);
  }
}

TEST_CASE("Destruction ends every accepted request once") {
  Fixture f;
  std::vector<std::shared_ptr<Waiter>> sinks;
  for (int i = 0; i < 3; ++i) {
    sinks.push_back(std::make_shared<Waiter>());
    f.thread->submit(Fixture::request(4000), sinks.back());
  }
  sinks[0]->wait_for_token();
  CHECK(f.thread->queued_or_running() == 3);
  f.thread.reset();
  for (const auto& sink : sinks) {
    CHECK(sink->finished == 1);
    CHECK(sink->reason == FinishReason::cancelled);
    CHECK(sink.use_count() == 1);
  }
}

TEST_CASE("A sink is let go once its request is over") {
  Fixture f;
  auto sink = std::make_shared<Waiter>();
  f.thread->submit(Fixture::request(1), sink);
  sink->wait();
  while (f.thread->queued_or_running() != 0) std::this_thread::yield();
  CHECK(sink.use_count() == 1);
}

}  // namespace pennyweight::llm::test
