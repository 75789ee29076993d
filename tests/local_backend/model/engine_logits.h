// The logits of the engine's forward pass, and how far they are from the float64 reference's.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "local_backend/model/forward_pass.h"
#include "local_backend/tokenizer.h"

namespace pennyweight::llm::test {

struct Setup {
  const char* kernels = "auto";
  int threads = 1;
  std::size_t chunk = 64;
};

// The last `wanted` of them give logits.
std::vector<StepRow> step_rows(std::span<const Token> tokens, std::size_t position,
                               const KvSequence& history, std::size_t wanted);
// One run of a whole model over some tokens; a row of logits after each. `context` is the
// configured length.
std::vector<float> engine_logits(const std::filesystem::path& path,
                                 const std::vector<Token>& tokens, const Setup& setup = {},
                                 int context = 4096);

std::vector<Token> some_tokens(std::size_t n, int vocabulary, std::uint64_t seed);

struct Difference {
  double largest = 0;
  double typical = 0;        // root of the mean square
  std::vector<double> rows;  // largest of each token, ascending
};

// As parts of the largest logit.
Difference relative_difference(const std::vector<float>& engine,
                               const std::vector<std::vector<double>>& reference);

// Keys and values lie in the cache as f16: one that is close to the middle between two halves may
// go the other way, 2^-11 of itself, for all tokens after it. Rows before that agree to
// kFloatRounding.
constexpr double kTypicalF32 = 2e-5, kLargestF32 = 1e-4, kFloatRounding = 2e-6;

}  // namespace pennyweight::llm::test
