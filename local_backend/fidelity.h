// How well a model predicts a text, and how near a quantised one stays to the one it was made from.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "local_backend/engine.h"
#include "local_backend/saved_logits.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// The text is cut into chunks of `context` tokens, each on its own and with the
// beginning-of-sequence token in its first place where the model wants one; the second half of each
// is predicted. The same procedure as llama-perplexity, so that figures compare.
struct FidelityOptions {
  int context = 512;                                // at least 4
  int most_chunks = 0;                              // 0: all
  std::function<void(int done, int all)> on_chunk;  // may be empty
};

struct Perplexity {
  int chunks = 0;
  std::size_t tokens = 0;  // predicted
  double value = 0;        // exp of the mean negative log-likelihood
  double error = 0;        // standard error of `value`
};

// Of `candidate`'s next-token distributions against `reference`'s. As llama-perplexity does, terms
// of the divergence with a log-probability of at most -16 are left out.
struct Fidelity {
  Perplexity reference, candidate;
  double mean_kld = 0,
         kld_error = 0;             // Kullback-Leibler divergence in nats, and its standard error
  double p99_kld = 0, max_kld = 0;  // quantile: type 7
  double same_top_rate = 0, same_top_error = 0;  // share of tokens whose likeliest is the same
  double probability_rms = 0;  // of the difference in the probability of the text's own token
};

// `tokens` begin as the model's texts do: with its beginning-of-sequence token where it wants one.
// The engine is open with a context of a chunk at least. Fails when they do not fill one chunk, or
// logits are not numbers.
Result<Perplexity> measure_perplexity(Engine& engine, std::span<const Token> tokens,
                                      const FidelityOptions& options);
// Both must have the same vocabulary.
Result<Fidelity> measure_fidelity(Engine& reference, Engine& candidate,
                                  std::span<const Token> tokens, const FidelityOptions& options);

// Against distributions that were saved, on their own text and chunks.
Result<Fidelity> measure_fidelity(const SavedLogits& reference, Engine& candidate,
                                  const FidelityOptions& options);

}  // namespace pennyweight::llm
