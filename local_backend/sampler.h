// Logits to the next token. Reproducible: same logits, parameters and position, same token, on
// every machine and thread count.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "local_backend/tokenizer.h"

namespace pennyweight::llm {

// Order of the steps, as llama.cpp's users expect: penalties and biases, top-k, top-p, min-p,
// temperature, draw. temperature <= 0 is greedy: the highest logit, ties to the lowest id, NaN as
// -infinity.
struct SamplingParams {
  float temperature = 0;
  int top_k = 0;    // 0 = all
  float top_p = 1;  // smallest prefix with cumulative probability >= top_p, crossing one included
  float min_p = 0;  // keep p >= min_p * p_max
  // top-p and min-p see the probabilities after the temperature, as OpenAI's servers do.
  bool temperature_first = false;
  // For each token that is among the last `penalty_last_n` of prompt and answer (-1: all), `count`
  // times: logit / repeat_penalty where it is positive, logit * repeat_penalty where not; then
  // minus count * frequency_penalty, minus presence_penalty.
  float repeat_penalty = 1;  // > 0
  float frequency_penalty = 0, presence_penalty = 0;
  int penalty_last_n = 64;
  std::vector<std::pair<Token, float>> logit_bias = {};  // added to the logit
  std::uint64_t seed = 0;
  bool logprobs = true;  // that of the token is computed: some ms where the vocabulary is large
};

struct Candidate {
  Token token = -1;
  float logprob = 0;
};

// Log-softmax of the raw logits, natural log, in f64: of one token, or of the `n` likeliest, ties
// to the lowest id. -infinity where the logit is, or is NaN.
float log_probability(std::span<const float> logits, Token token);
std::vector<Candidate> likeliest(std::span<const float> logits, int n);

// Tokens that may come next, told by whoever binds the answer.
class LegalTokens {
 public:
  virtual ~LegalTokens() = default;
  virtual bool allows(Token token) = 0;        // cheap
  virtual const std::vector<bool>& all() = 0;  // by id; dear, and kept until the next token
};

struct Sampled {
  Token token = -1;   // -1 when every logit is NaN or -infinity, or no such token is legal
  // Log-softmax of the raw logits, natural log, whatever the sampling; 0 unless `logprobs`.
  float logprob = 0;
};

// The draw: u in [0, 1) falls into the kept tokens' probabilities laid end to end in order of id.
//
// With legal tokens the result is distributed as the plain draw given that it is legal: the plain
// draw where it is legal, else a second one, of a second u, among the legal tokens that were kept.
// Where none was kept, the legal ones of the whole vocabulary pass the steps instead. Greedy: the
// best legal token.
//
// Reuses its buffers: one a sequence, one thread at a time.
class Sampler {
 public:
  explicit Sampler(SamplingParams params) : params_(std::move(params)) {}
  // `position` is the index of the token to be drawn; the u are those of Stream::sampling of (seed,
  // position). `history` is what precedes it, prompt included; `legal` null: all.
  Sampled sample(std::span<const float> logits, std::uint64_t position,
                 std::span<const Token> history = {}, LegalTokens* legal = nullptr);

 private:
  std::span<const float> adjusted(std::span<const float> logits, std::span<const Token> history);
  Token greedy(std::span<const float> logits, LegalTokens* legal) const;
  Token drawn(std::span<const float> logits, std::uint64_t position, LegalTokens* legal);
  void gather(std::span<const float> logits);
  void filter();
  void keep_legal(LegalTokens& legal);
  void keep_top_k();
  void keep_top_p();
  void keep_min_p();
  Token draw(double u) const;

  SamplingParams params_;
  float highest_ = 0;
  std::vector<std::pair<float, Token>> candidates_;  // logit and id, by id between the steps
  std::vector<float> adjusted_;
};

}  // namespace pennyweight::llm
