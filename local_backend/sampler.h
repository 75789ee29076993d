// Logits to the next token. Reproducible: same logits, parameters and position, same token, on
// every machine and thread count.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "local_backend/tokenizer.h"

namespace pennyweight::llm {

// Order of the steps, as OpenAI's and llama.cpp's users expect: top-k, top-p, min-p, temperature,
// draw. temperature <= 0 is greedy: the highest logit, ties to the lowest id, NaN as -infinity.
struct SamplingParams {
  float temperature = 0;
  int top_k = 0;    // 0 = all
  float top_p = 1;  // smallest prefix with cumulative probability >= top_p, crossing one included
  float min_p = 0;  // keep p >= min_p * p_max
  std::uint64_t seed = 0;
};

struct Candidate {
  Token token = -1;
  float logprob = 0;
};

// Log-softmax of the raw logits, natural log, in f64: of one token, or of the `n` likeliest, ties
// to the lowest id. -infinity where the logit is, or is NaN.
float log_probability(std::span<const float> logits, Token token);
std::vector<Candidate> likeliest(std::span<const float> logits, int n);

struct Sampled {
  Token token = -1;   // -1 when every logit is NaN or -infinity
  float logprob = 0;  // log-softmax of the raw logits, natural log; whatever the sampling
};

// The draw: u in [0, 1) falls into the kept tokens' probabilities laid end to end in order of id.
// Reuses its buffers: one a sequence, one thread at a time.
class Sampler {
 public:
  explicit Sampler(const SamplingParams& params) : params_(params) {}
  // `position` is the index of the token to be drawn; the draw is Stream::sampling of (seed,
  // position).
  Sampled sample(std::span<const float> logits, std::uint64_t position);

 private:
  void gather(std::span<const float> logits);
  void keep_top_k();
  void keep_top_p();
  void keep_min_p();
  Token draw(std::uint64_t position) const;

  SamplingParams params_;
  float highest_ = 0;
  std::vector<std::pair<float, Token>> candidates_;  // logit and id, by id between the steps
};

}  // namespace pennyweight::llm
