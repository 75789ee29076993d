// The Engine on the CPU: sequences one after another over one key-value cache.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "local_backend/answer_text.h"
#include "local_backend/engine.h"
#include "local_backend/model/forward_pass.h"

namespace pennyweight::llm {

// A model in memory. Its address must not change: the forward pass refers to it.
struct LoadedModel {
  LlamaConfig config;
  LlamaWeights weights;
  Tokenizer tokenizer;
  ChatTemplate chat_template;
  ModelInfo info;
};

class LlamaEngine final : public Engine {
 public:
  // `cache` holds model->info.context_tokens positions.
  LlamaEngine(std::unique_ptr<const LoadedModel> model, std::unique_ptr<ThreadTeam> team,
              const KernelTable& kernels, KvCache cache);

  const ModelInfo& info() const override { return model_->info; }
  const Tokenizer& tokenizer() const override { return model_->tokenizer; }
  const ChatTemplate& chat_template() const override { return model_->chat_template; }
  Result<SequenceId> submit(SequenceSpec spec) override;
  void cancel(SequenceId id) noexcept override;
  bool step(StepSink& sink) override;
  Result<std::vector<float>> logits(std::span<const Token> tokens) override;

 private:
  using Flag = std::shared_ptr<std::atomic<bool>>;
  struct Sequence {
    SequenceId id = 0;
    SequenceSpec spec;
    Flag cancelled;
    Sampler sampler;
    AnswerText text;
    std::size_t prefilled = 0;  // tokens of the prompt in the cache
    int generated = 0;
    Token last = -1;
  };
  Result<void> check(std::span<const Token> tokens) const;
  void finish_cancelled(StepSink& sink);
  void prefill(Sequence& sequence, StepSink& sink);
  void decode(Sequence& sequence, StepSink& sink);
  void emit(Sequence& sequence, StepSink& sink);
  void finish(std::size_t index, FinishReason reason, StepSink& sink, const Error* error = nullptr);

  std::unique_ptr<const LoadedModel> model_;
  std::unique_ptr<ThreadTeam> team_;
  ForwardPass forward_;
  KvCache cache_;
  std::deque<Sequence> queue_;  // the first one runs
  SequenceId next_id_ = 1;
  std::mutex mutex_;  // of flags_, which cancel() reads on any thread
  std::map<SequenceId, Flag> flags_;
};

}  // namespace pennyweight::llm
