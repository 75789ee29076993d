#include "runners/local_target.h"

#include <algorithm>
#include <deque>
#include <map>
#include <numeric>

#include "datasets/scorer.h"
#include "local_backend/synthetic_model.h"
#include "runners/event_loop.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using std::chrono::milliseconds;

std::unique_ptr<llm::Engine> tiny_engine() {
  static const test::TempDir directory;
  const auto path = directory / "tiny.gguf";
  if (!std::filesystem::exists(path)) {
    REQUIRE(llm::write_synthetic_model(*llm::parse_synthetic("synth/tiny:q4_0"), path));
  }
  llm::EngineOptions options;
  options.threads = 1;
  auto engine = llm::Engine::open(path, options);
  INFO((engine ? "" : engine.error().what));
  REQUIRE(engine);
  return std::move(*engine);
}

// Plays a script instead of computing, and turns the clock while it does.
class ScriptedEngine final : public llm::Engine {
 public:
  struct Step {
    Duration takes{};
    std::string bytes;
  };
  ScriptedEngine(FakeClock& clock, std::vector<Step> steps, std::string tail)
      : clock_(clock), steps_(std::move(steps)), tail_(std::move(tail)) {}

  const llm::ModelInfo& info() const override { return real_->info(); }
  const llm::Tokenizer& tokenizer() const override { return real_->tokenizer(); }
  const llm::ChatTemplate& chat_template() const override { return real_->chat_template(); }
  Result<llm::SequenceId> submit(llm::SequenceSpec spec) override {
    prompt_ = static_cast<int>(spec.prompt.size());
    next_ = 0;
    return ++last_;
  }
  void cancel(llm::SequenceId) noexcept override {}
  bool step(llm::StepSink& sink) override {
    if (next_ == 0) sink.on_prefill(last_, prompt_, 2);
    if (next_ < steps_.size()) {
      clock_.advance(steps_[next_].takes);
      sink.on_token(last_, {300, steps_[next_++].bytes, 0, {}});
      return true;
    }
    clock_.advance(milliseconds(1));
    sink.on_finished(last_, llm::FinishReason::stop, tail_, nullptr);
    return false;
  }
  Result<void> logits(std::span<const llm::Token>, std::size_t, const UseLogits&) override {
    return {};
  }

 private:
  std::unique_ptr<llm::Engine> real_ = tiny_engine();
  FakeClock& clock_;
  std::vector<Step> steps_;
  std::string tail_;
  std::size_t next_ = 0;
  int prompt_ = 0;
  llm::SequenceId last_ = 0;
};

struct Lab final : EventSink {
  SteadyClock clock;
  std::unique_ptr<EventLoop> loop = *make_event_loop(clock);
  std::unique_ptr<Target> target;
  std::map<RequestId, Instant> sent;
  std::map<RequestId, int> progress;
  std::map<RequestId, Completion> finished;
  std::vector<RequestId> order;
  std::size_t wanted = 1;

  Lab() { open(tiny_engine(), clock); }
  explicit Lab(FakeClock& fake, std::vector<ScriptedEngine::Step> steps, std::string tail = "") {
    open(std::make_unique<ScriptedEngine>(fake, std::move(steps), std::move(tail)), fake);
  }
  void open(std::unique_ptr<llm::Engine> engine, const Clock& stamps) {
    target = make_local_target("tiny", std::move(engine), "abc", stamps);
    REQUIRE(target->attach(*loop, *this));
  }
  void on_sent(RequestId id, Instant at) override { sent[id] = at; }
  void on_progress(RequestId id, int) override { ++progress[id]; }
  void on_finished(RequestId id, Completion completion) override {
    finished[id] = std::move(completion);
    order.push_back(id);
    if (finished.size() == wanted) loop->stop();
  }
  // From the loop, as the runner does.
  void run(std::function<void()> first) {
    loop->post(std::move(first));
    loop->run();
  }
};

Request ask(int max_tokens, const std::string& text = "Hello") {
  Request out;
  out.prompt = std::vector<Message>{{"user", text}};
  out.generation.max_tokens = max_tokens;
  return out;
}

}  // namespace

TEST_CASE("A local answer has one stamp a token and exact usage") {
  Lab lab;
  Request request = ask(12);
  request.generation.ignore_eos = true;
  lab.run([&] { lab.target->issue(1, request); });
  const Completion& c = lab.finished.at(1);
  CHECK(c.failure == Failure::none);
  CHECK(c.finish == Finish::length);
  CHECK(c.sent == lab.sent.at(1));
  CHECK(c.usage.source == TokenSource::engine_exact);
  CHECK(c.usage.output_tokens == 12);
  CHECK(c.usage.cached_tokens == 0);
  CHECK(*c.usage.input_tokens > 5);
  Instant last = *c.sent;
  std::size_t bytes = 0;
  std::uint32_t tokens = 0;
  for (const Chunk& chunk : c.chunks) {
    CHECK(chunk.at > last);
    CHECK(chunk.text_bytes > 0);
    last = chunk.at;
    bytes += chunk.text_bytes;
    tokens += chunk.tokens;
  }
  CHECK(bytes == c.answer.size());
  CHECK(tokens <= 12);
  CHECK(*c.done >= last);
}

TEST_CASE("Greedy answers are the same each time") {
  Lab lab;
  lab.wanted = 2;
  lab.run([&] {
    lab.target->issue(1, ask(8));
    lab.target->issue(2, ask(8));
  });
  CHECK(lab.order == std::vector<RequestId>{1, 2});
  CHECK(lab.finished.at(1).answer == lab.finished.at(2).answer);
  // Side by side: the second does not wait for the first one's end.
  CHECK(lab.sent.at(2) < *lab.finished.at(1).done);
  CHECK(lab.finished.at(2).chunks.front().at < *lab.finished.at(1).done);
}

TEST_CASE(
    "Tokens are stamped in the callback, and held-back ones count in the chunk that shows them") {
  FakeClock clock;
  Lab lab(clock,
          {{milliseconds(100), "a"},
           {milliseconds(10), ""},
           {milliseconds(10), "bc"},
           {milliseconds(10), ""}},
          "d");
  lab.run([&] { lab.target->issue(1, ask(8)); });
  const Completion& c = lab.finished.at(1);
  CHECK(c.answer == "abcd");
  const auto at = [](int ms) { return Instant(milliseconds(ms)); };
  CHECK(c.sent == at(0));
  CHECK(c.chunks == std::vector<Chunk>{{at(100), ChunkKind::content, 1, 1},
                                       {at(120), ChunkKind::content, 2, 2},
                                       {at(131), ChunkKind::content, 1, 1}});
  CHECK(c.done == at(131));
  CHECK(c.usage.output_tokens == 4);
  CHECK(c.usage.cached_tokens == 2);
}

TEST_CASE("A local answer keeps to the format that was asked for") {
  Lab lab;
  lab.wanted = 3;
  Request request = ask(200);
  request.generation.temperature = 1;
  request.generation.response_format =
      R"({"type":"object","properties":{"n":{"type":"integer","maximum":9,"minimum":0}},
          "required":["n"],"additionalProperties":false})";
  Request wrong = ask(8);
  wrong.generation.response_format = R"({"not":{}})";
  lab.run([&] {
    lab.target->issue(1, request);
    lab.target->issue(2, request);
    lab.target->issue(3, wrong);
  });
  const std::string& answer = lab.finished.at(1).answer;
  INFO(answer);
  CHECK(lab.finished.at(1).finish == Finish::stop);
  CHECK(answer.find("\"n\":") != std::string::npos);
  CHECK(answer.back() == '}');
  CHECK(lab.finished.at(2).answer == answer);
  CHECK(lab.finished.at(3).failure == Failure::unsupported);
  CHECK(lab.finished.at(3).error_message == "JSON schema, #: \"not\" is not supported");
}

TEST_CASE("An answer that was not to be streamed comes as one chunk at its end") {
  FakeClock clock;
  Lab lab(clock, {{milliseconds(100), "a"}, {milliseconds(10), "bc"}}, "d");
  Request request = ask(8);
  request.generation.stream = false;
  lab.run([&] { lab.target->issue(1, request); });
  const Completion& c = lab.finished.at(1);
  CHECK(c.answer == "abcd");
  CHECK_FALSE(c.streamed);
  CHECK(c.chunks == std::vector<Chunk>{{Instant(milliseconds(111)), ChunkKind::content, 4, 2}});
}

TEST_CASE("Progress is told at most every 100 ms") {
  FakeClock clock;
  Lab lab(clock, std::vector<ScriptedEngine::Step>(50, {milliseconds(10), "x"}));
  lab.run([&] { lab.target->issue(1, ask(64)); });
  CHECK(lab.progress[1] == 5);
}

TEST_CASE("A cancelled request finishes as cancelled, running or waiting") {
  Lab lab;
  lab.wanted = 2;
  Request request = ask(3000);
  request.generation.ignore_eos = true;
  lab.run([&] {
    lab.target->issue(1, request);
    lab.target->issue(2, request);
    lab.target->cancel(2);
    lab.loop->call_at(lab.clock.now() + milliseconds(30), [&] { lab.target->cancel(1); });
  });
  for (const RequestId id : {1u, 2u}) {
    CHECK(lab.finished.at(id).failure == Failure::cancelled);
    CHECK(lab.finished.at(id).finish == Finish::cancelled);
    CHECK(lab.finished.at(id).done);
  }
}

TEST_CASE("A request that takes too long ends as a timeout and keeps what had come") {
  Lab lab;
  Request request = ask(3500);
  request.generation.ignore_eos = true;
  request.timeouts.total = milliseconds(60);
  lab.run([&] { lab.target->issue(1, request); });
  const Completion& c = lab.finished.at(1);
  CHECK(c.failure == Failure::timeout);
  CHECK_FALSE(c.error_message.empty());
  CHECK(c.chunks.size() < 3500);
}

TEST_CASE("What the engine cannot take is unsupported, with the reason") {
  Lab lab;
  lab.wanted = 3;
  lab.run([&] {
    lab.target->issue(1, ask(100'000));
    Request scored = ask(1);
    scored.prompt = Continuations{RawPrompt{"a"}, {"b", std::string(100'000, 'c')}};
    lab.target->issue(2, scored);
    Request formatted = ask(1);
    formatted.generation.response_format = "{";
    lab.target->issue(3, formatted);
    CHECK(lab.finished.empty());
  });
  for (const RequestId id : {1u, 2u, 3u}) {
    CHECK(lab.finished.at(id).failure == Failure::unsupported);
    CHECK_FALSE(lab.finished.at(id).error_message.empty());
  }
  CHECK(lab.sent.count(3) == 0);
}

TEST_CASE("How likely continuations are is what the logits say, after a text and after a chat") {
  const bool chat = GENERATE(false, true);
  const std::vector<std::string> choices{" one", " two or three", "4"};
  Lab lab;
  Request request = ask(1);
  const std::vector<Message> messages{{"user", "How many? <s>"}};
  if (chat) {
    request.prompt = Continuations{messages, choices};
  } else {
    request.prompt = Continuations{RawPrompt{"How many?"}, choices};
  }
  lab.run([&] { lab.target->issue(1, request); });
  const Completion& c = lab.finished.at(1);
  REQUIRE(c.failure == Failure::none);
  CHECK(c.finish == Finish::stop);
  CHECK_FALSE(c.streamed);

  const auto engine = tiny_engine();
  llm::Prompt prompt = llm::PromptText{"How many?"};
  if (chat) prompt = std::vector<llm::ChatMessage>{{"user", messages[0].content}};
  const auto before = *engine->encode(prompt);
  std::vector<double> sums;
  std::vector<int> counts;
  std::size_t computed = 0;
  for (const std::string& choice : choices) {
    const auto tokens = *engine->encode(prompt, choice);
    CHECK(tokens.prompt == before);
    std::vector<llm::Token> whole = tokens.prompt;
    whole.insert(whole.end(), tokens.continuation.begin(), tokens.continuation.end());
    const auto logits = *engine->logits(whole);
    const auto rows = static_cast<std::size_t>(engine->info().vocabulary_size);
    double sum = 0;
    for (std::size_t i = 0; i < tokens.continuation.size(); ++i) {
      const std::span row(logits.data() + (before.size() + i - 1) * rows, rows);
      sum += static_cast<double>(llm::log_probability(row, tokens.continuation[i]));
    }
    sums.push_back(sum);
    counts.push_back(static_cast<int>(tokens.continuation.size()));
    computed += whole.size();
  }
  CHECK(c.answer == likelihood_answer(sums, counts));
  CHECK(c.usage.input_tokens == static_cast<std::int64_t>(computed));
  CHECK(c.usage.output_tokens == 0);
}

TEST_CASE("A bound on the output that no memory could hold takes no more than the context") {
  Lab lab;
  lab.wanted = 2;
  lab.run([&] {
    lab.target->issue(1, ask(2'000'000'000));
    lab.target->issue(2, ask(4));
  });
  CHECK(lab.finished.at(1).failure == Failure::unsupported);
  CHECK(lab.finished.at(2).failure == Failure::none);
}

TEST_CASE("A target can go or be detached while its engine works, and nothing calls back") {
  const bool detached = GENERATE(false, true);
  Lab lab;
  Request request = ask(3500);
  request.generation.ignore_eos = true;
  lab.run([&] {
    lab.target->issue(1, request);
    lab.loop->call_at(lab.clock.now() + milliseconds(20), [&] {
      if (detached) {
        lab.target->detach();
      } else {
        lab.target.reset();
      }
      lab.loop->call_at(lab.clock.now() + milliseconds(20), [&] { lab.loop->stop(); });
    });
  });
  CHECK(lab.finished.empty());
}

TEST_CASE("A local target is known by its file, template and engine, not by where it lies") {
  Lab lab;
  const TargetInfo& info = lab.target->info();
  CHECK(info.kind == "local");
  CHECK(info.on_this_machine);
  CHECK(info.name == "tiny");
  REQUIRE(info.identity.find("model_sha256"));
  CHECK(*info.identity.find("model_sha256")->text() == "abc");
  CHECK(info.identity.find("template_sha256"));
  CHECK(info.identity.find("threads"));
  CHECK_FALSE(info.identity.find("path"));
  CHECK(info.facts.find("path"));
}

}  // namespace pennyweight
