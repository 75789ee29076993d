// A quantized language model on this machine's CPU. Knows nothing of benchmarks: it holds no clock,
// no prices and no task sets.
//
// Results are the same bits for any number of threads, any instruction set, and whoever shares a
// step (docs/numerics.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "local_backend/chat_template.h"
#include "local_backend/grammar/grammar.h"
#include "local_backend/sampler.h"
#include "local_backend/tokenizer.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct EngineOptions {
  int threads = 0;         // 0 = one for each core this process may run on
  int context_tokens = 0;  // 0 = the model's own limit, capped at 4096; more must be asked for
  int parallel = 0;        // sequences that may share a step; 0 = 8
  // Prompts that begin alike reuse the keys and values of one another. Off unless asked: it makes a
  // repeated measurement faster than the first.
  bool reuse_prefix = false;
  // "auto" picks the widest instruction set this CPU has; "portable", "avx2", "avx512" for tests.
  std::string kernels = "auto";
};

struct ModelInfo {
  std::string path, name, architecture, quantization;  // quantization: "Q4_0", "F16", or "mixed"
  std::uint64_t file_bytes = 0;
  std::uint64_t parameters = 0;
  std::uint64_t weight_bytes = 0;  // read once for each decoded token, embeddings excepted
  std::uint64_t kv_bytes_per_token = 0;
  int layers = 0, embedding_length = 0, heads = 0, kv_heads = 0, head_length = 0;
  int feed_forward_length = 0, vocabulary_size = 0;
  int context_limit = 0;   // of the model
  int context_tokens = 0;  // as opened
  int threads = 0;
  int parallel = 0;  // as opened
  bool reuse_prefix = false;
  std::string kernels;  // the one picked
  std::string chat_template, chat_template_sha256;
  std::string chat_template_note;  // see ChatTemplate::fallback_reason
};

using SequenceId = std::uint64_t;  // never 0, never reused

struct SequenceSpec {
  std::vector<Token> prompt;  // not empty
  SamplingParams sampling;
  int max_tokens = 0;  // > 0; prompt + max_tokens must fit the context, else submit fails
  std::vector<std::string> stop;  // the answer ends before the first of these; never emitted
  bool ignore_eos = false;        // always max_tokens: for speed measurements
  int top = 0;                    // likeliest tokens reported beside each, 0 to kMaxTop
  // Teacher forcing: the answer is this, and on_token reports how likely each of its tokens was.
  // max_tokens, stop strings, sampling and grammar then do not count; it ends as `length`.
  std::vector<Token> forced;
  // The answer is a text of this grammar, or the beginning of one where max_tokens or a stop string
  // cut it; it ends when nothing may follow. Null: any text. Not together with ignore_eos.
  std::shared_ptr<const Grammar> grammar;
};
inline constexpr int kMaxTop = 20;

enum class FinishReason : std::uint8_t { stop, length, cancelled, error };

// A token of an answer. The views die with the call.
struct GeneratedToken {
  Token token = -1;
  // Text that is complete UTF-8 and certain (a stop string cannot begin in it any more), so it may
  // be empty and the next one longer.
  std::string_view bytes;
  // Log-softmax of the raw logits, natural log; 0 where sampling.logprobs is false.
  float logprob = 0;
  std::span<const Candidate> top;  // as many as were asked for, the likeliest first
};

// All calls on the thread that called step(). No call may block or re-enter the engine.
class StepSink {
 public:
  virtual ~StepSink() = default;
  // The prompt is in the cache: `tokens` of it, of which `cached` were reused.
  virtual void on_prefill(SequenceId id, int tokens, int cached) = 0;
  // The token that ends an answer is reported too: it was computed, and it has no text.
  virtual void on_token(SequenceId id, const GeneratedToken& token) = 0;
  // Last call for this id. `tail` is text held back until now. `error` is set with
  // FinishReason::error only.
  virtual void on_finished(SequenceId id, FinishReason reason, std::string_view tail,
                           const Error* error) = 0;
};

// A prompt as a caller has it, before template and tokeniser.
struct PromptText {
  std::string text;  // BOS added where the model wants it and the text does not begin with it
  Specials specials = Specials::parse;
};
using Prompt = std::variant<std::vector<ChatMessage>, PromptText, std::vector<Token>>;

// Of a prompt, or of prompt and answer, beyond the context: what encode and submit then fail with.
Error context_error(std::string what, int context_tokens);
bool is_context_error(const Error& error);

// One thread at a time may be inside an Engine, except for cancel().
class Engine {
 public:
  // A file, or "synth/NAME:TYPE" (model_source.h). Reads and packs all weights: the file is not
  // needed afterwards. Refuses by name what it does not run, and says how much memory it would take
  // when that is more than the machine has.
  static Result<std::unique_ptr<Engine>> open(const std::filesystem::path& model,
                                              const EngineOptions& options);
  virtual ~Engine() = default;

  virtual const ModelInfo& info() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;
  virtual const ChatTemplate& chat_template() const = 0;

  // Template and tokenisation. Fails with the counts, as unsupported, when the prompt does not fit
  // the context; so does submit() when prompt and answer together do not.
  Result<std::vector<Token>> encode(const Prompt& prompt) const;
  // A prompt and what is to follow it, for SequenceSpec.forced. Tokenised as one text and cut at
  // the prompt's own number of tokens, as lm-evaluation-harness does: a border may fall inside a
  // token. Blanks at the prompt's end go to the continuation, which is text without special tokens,
  // not empty. A prompt of tokens is refused: its text is not known.
  struct Continued {
    std::vector<Token> prompt, continuation;  // neither empty
  };
  Result<Continued> encode(const Prompt& prompt, std::string_view continuation) const;

  // Queues a sequence. They start first in first out, as soon as there is room for the whole of
  // prompt and answer in the cache.
  virtual Result<SequenceId> submit(SequenceSpec spec) = 0;
  // Any thread. Takes effect after the step in progress, or within one layer where no sequence of
  // that step is left; the sequence then finishes as cancelled. Unknown ids are ignored.
  virtual void cancel(SequenceId id) noexcept = 0;
  // One token for each sequence that decodes, together with a chunk of the prompts that wait;
  // reports what came of it. False when nothing is left to do. The thread team parks by itself when
  // no work follows.
  virtual bool step(StepSink& sink) = 0;

  // Teacher forcing, for comparisons: logits after each token of `tokens` from `first` on, given
  // row by row to `use`. At most context_tokens. Uses a private cache; sequences are not disturbed.
  using UseLogits = std::function<void(std::size_t row, std::span<const float> logits)>;
  virtual Result<void> logits(std::span<const Token> tokens, std::size_t first,
                              const UseLogits& use) = 0;
  // All of them at once, for tests: tokens.size() * vocabulary_size floats.
  Result<std::vector<float>> logits(std::span<const Token> tokens);
};

}  // namespace pennyweight::llm
