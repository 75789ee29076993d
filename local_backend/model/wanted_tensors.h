// The tensors that a model of some configuration is made of, and where each goes. Private to
// model_weights.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/model/model_config.h"
#include "local_backend/model/model_weights.h"

namespace pennyweight::llm {

// Consecutive rows of a matrix (or elements of a vector of f32) that go to one place.
struct TensorPart {
  std::uint64_t rows = 0;
  PackedMatrix* matrix = nullptr;
  const float** vector = nullptr;
};

struct WantedTensor {
  std::string name;
  std::vector<std::uint64_t> ne;
  std::vector<TensorPart> parts;  // that cover it, in order
  bool optional = false;
  bool of_experts = false;

  bool is_matrix() const { return parts.front().matrix != nullptr; }
};

// Also resizes weights.layers. The pointers point into `weights`. A layer's q, k and v may come in
// one tensor or in three: `file` decides.
std::vector<WantedTensor> wanted_tensors(const GgufFile& file, const ModelConfig& config,
                                         ModelWeights& weights);
// Of layers at the end that the engine does not run.
bool is_ignored(std::string_view tensor, const ModelConfig& config);

}  // namespace pennyweight::llm
