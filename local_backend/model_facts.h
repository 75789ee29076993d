// What a GGUF file is, and what it would take to run it, from its header alone: any size of model
// on any machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "local_backend/engine.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct ModelConfig;
struct WeightSizes;

struct TypeShare {
  std::string type;  // "Q4_K"
  std::uint64_t tensors = 0, parameters = 0, bytes = 0;
};

struct ModelFacts {
  std::optional<Error> refusal;  // why this engine does not run it
  // Empty where `refusal` keeps it from being known. What depends on opening stays empty.
  ModelInfo info;
  std::uint64_t packed_bytes = 0;  // weights in memory
  std::vector<TypeShare> types;    // the one with the most parameters first
  double bits_per_weight = 0;      // of all tensors together
  std::string tokenizer;
  bool tokenizer_guessed = false;  // see Tokenizer::guessed

  // Weights, and keys and values of one sequence. 0 where it does not run.
  std::uint64_t memory(int context_tokens) const;
};

// Fails only where the file cannot be read as GGUF.
Result<ModelFacts> read_model_facts(const std::filesystem::path& path);

// The part of ModelInfo that the header holds.
ModelInfo describe_model(const std::filesystem::path& path, const GgufFile& file,
                         const ModelConfig& config, const WeightSizes& sizes);

}  // namespace pennyweight::llm
