// The Engine on the CPU: sequences side by side over one pool of keys and values.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "local_backend/answer_text.h"
#include "local_backend/engine.h"
#include "local_backend/grammar/token_constraint.h"
#include "local_backend/model/forward_pass.h"
#include "local_backend/prefix_cache.h"

namespace pennyweight::llm {

// A model in memory. Its address must not change: the forward pass refers to it.
struct LoadedModel {
  ModelConfig config;
  ModelWeights weights;
  Tokenizer tokenizer;
  ChatTemplate chat_template;
  ModelInfo info;
};

class CpuEngine final : public Engine {
 public:
  // `pool` has room for a whole context at least.
  CpuEngine(std::unique_ptr<const LoadedModel> model, std::unique_ptr<ThreadTeam> team,
            const KernelTable& kernels, KvPool pool);

  const ModelInfo& info() const override { return model_->info; }
  const Tokenizer& tokenizer() const override { return model_->tokenizer; }
  const ChatTemplate& chat_template() const override { return model_->chat_template; }
  Result<SequenceId> submit(SequenceSpec spec) override;
  void cancel(SequenceId id) noexcept override;
  bool step(StepSink& sink) override;
  Result<void> logits(std::span<const Token> tokens, std::size_t first,
                      const UseLogits& use) override;

 private:
  using Flag = std::shared_ptr<std::atomic<bool>>;
  struct Sequence {
    SequenceId id = 0;
    SequenceSpec spec;
    Flag cancelled;
    Sampler sampler;
    std::unique_ptr<TokenConstraint> constraint;  // null: any text
    AnswerText text;
    KvSequence history;
    std::vector<Token> inputs;  // prompt and answer, as far as known
    std::size_t done = 0;       // of them, those in `history`
    std::size_t cached = 0;     // of the prompt, those that were reused
    int generated = 0;
    bool finished = false;

    std::size_t length() const {  // of prompt and the longest answer
      return spec.prompt.size() + static_cast<std::size_t>(spec.max_tokens);
    }
    bool decodes() const { return done >= spec.prompt.size() && inputs.size() - done == 1; }
  };
  // The rows of a step that are one sequence's.
  struct Part {
    Sequence* sequence;
    std::size_t rows;
  };

  Result<void> check(std::span<const Token> tokens) const;
  Result<void> check(const SequenceSpec& spec) const;
  std::unique_ptr<TokenConstraint> constraint_of(const SequenceSpec& spec);
  void finish_cancelled(StepSink& sink);
  void admit();
  bool place(Sequence& sequence);
  void compose();
  void add_rows(Sequence& sequence, std::size_t count);
  void report(StepSink& sink);
  Sampled choose(Sequence& sequence, std::span<const float> logits);
  void emit(Sequence& sequence, std::span<const float> logits, StepSink& sink);
  void finish(Sequence& sequence, FinishReason reason, StepSink& sink,
              const Error* error = nullptr);
  void drop_finished();

  std::unique_ptr<const LoadedModel> model_;
  std::unique_ptr<ThreadTeam> team_;
  ForwardPass forward_;
  KvPool pool_;
  std::optional<PrefixCache> prefixes_;    // empty: no reuse
  std::shared_ptr<const TokenTrie> trie_;  // made when the first grammar comes
  std::deque<std::unique_ptr<Sequence>> waiting_, running_;
  // The step in progress.
  std::vector<Part> parts_;
  std::vector<StepRow> rows_;
  std::vector<const std::atomic<bool>*> flags_of_step_;
  SequenceId next_id_ = 1;
  std::mutex mutex_;  // of flags_, which cancel() reads on any thread
  std::map<SequenceId, Flag> flags_;
};

}  // namespace pennyweight::llm
