// Running an engine by hand, and what its sequences are told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "local_backend/engine.h"
#include "local_backend/synthetic_model.h"
#include "tests/test.h"

namespace pennyweight::llm::test {

inline SyntheticSpec small() {
  SyntheticSpec spec;
  spec.embedding_length = 64;
  spec.feed_forward_length = 160;
  spec.context_length = 512;
  spec.margin = 4;
  return spec;
}

inline std::unique_ptr<Engine> open(const std::filesystem::path& path, EngineOptions options = {}) {
  if (options.threads == 0) options.threads = 1;
  auto engine = Engine::open(path, options);
  INFO((engine ? "" : engine.error().what + ": " + engine.error().why));
  REQUIRE(engine);
  return *std::move(engine);
}

// What one sequence was told, in order.
struct Told {
  int prefill = -1, cached = -1, finished = 0;
  std::vector<Token> tokens, top;
  std::vector<float> logprobs;
  std::string text;
  FinishReason reason = FinishReason::error;
  std::string error;
};

class EngineRecorder final : public StepSink {
 public:
  void on_prefill(SequenceId id, int tokens, int cached) override {
    CHECK(told[id].tokens.empty());
    told[id].prefill = tokens;
    told[id].cached = cached;
  }
  void on_token(SequenceId id, const GeneratedToken& token) override {
    CHECK(told[id].prefill > 0);
    CHECK(told[id].finished == 0);
    told[id].tokens.push_back(token.token);
    told[id].logprobs.push_back(token.logprob);
    told[id].text += token.bytes;
    for (const Candidate& one : token.top) told[id].top.push_back(one.token);
    if (when_token) when_token(id);
  }
  void on_finished(SequenceId id, FinishReason reason, std::string_view tail,
                   const Error* error) override {
    ++told[id].finished;
    told[id].reason = reason;
    told[id].text += tail;
    if (error != nullptr) told[id].error = error->what;
    order.push_back(id);
  }
  std::map<SequenceId, Told> told;
  std::vector<SequenceId> order;
  std::function<void(SequenceId)> when_token;
};

inline SequenceSpec spec_of(std::vector<Token> prompt, int max_tokens) {
  SequenceSpec spec;
  spec.prompt = std::move(prompt);
  spec.max_tokens = max_tokens;
  spec.ignore_eos = true;
  return spec;
}

inline Told run(Engine& engine, SequenceSpec spec) {
  const auto id = engine.submit(std::move(spec));
  REQUIRE(id);
  EngineRecorder recorder;
  while (engine.step(recorder)) continue;
  CHECK(recorder.told.at(*id).finished == 1);
  return recorder.told.at(*id);
}

inline std::vector<Token> tokens_of(const Engine& engine, std::string text) {
  const auto tokens = engine.encode(PromptText{std::move(text)});
  REQUIRE(tokens);
  return *tokens;
}

inline EngineOptions options_of(int threads, int context = 0, const char* kernels = "auto") {
  EngineOptions options;
  options.threads = threads;
  options.context_tokens = context;
  options.kernels = kernels;
  return options;
}

inline const std::string kPrompt = "The quick brown fox jumps over the lazy dog.";

}  // namespace pennyweight::llm::test
