// An Engine on a thread of its own, shared by the local target and the server.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "local_backend/engine.h"

namespace pennyweight::llm {

struct GenerateRequest {
  Prompt prompt;
  SamplingParams sampling;
  int max_tokens = 0;  // 0 = as many as the context has room for
  std::vector<std::string> stop;
  bool ignore_eos = false;
  int top = 0;                             // as in SequenceSpec
  std::string continuation;                // not empty: SequenceSpec.forced, as text
  std::shared_ptr<const Grammar> grammar;  // as in SequenceSpec
};

// All calls on the engine's thread, in order, the last being on_finished. They must return at once:
// the next token waits. Nothing here is about time; whoever wants stamps takes them in the
// callback.
class GenerationSink {
 public:
  virtual ~GenerationSink() = default;
  virtual void on_prefill(int prompt_tokens, int cached_tokens) = 0;
  virtual void on_token(const GeneratedToken& token) = 0;
  virtual void on_finished(FinishReason reason, std::string_view tail, const Error* error) = 0;
};

using GenerationId = std::uint64_t;  // never 0

// submit and cancel: any thread. Requests start first in first out; template and tokenisation
// happen on the engine's thread, so their time is part of the request. Destruction cancels what is
// left and joins; every accepted request still gets its on_finished before that.
class EngineThread {
 public:
  explicit EngineThread(std::unique_ptr<Engine> engine);
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // Immutable facts: any thread.
  const ModelInfo& info() const;
  const Tokenizer& tokenizer() const;
  const ChatTemplate& chat_template() const;

  // `sink` is kept until its on_finished has returned.
  GenerationId submit(GenerateRequest request, std::shared_ptr<GenerationSink> sink);
  void cancel(GenerationId id) noexcept;  // queued or running; unknown ids are ignored
  int queued_or_running() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pennyweight::llm
