// All weights of a model, packed for the kernels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/kernels/kernels.h"
#include "local_backend/model/model_config.h"
#include "local_backend/runtime/memory_arena.h"
#include "local_backend/runtime/thread_team.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// Null, or without rows: the model has none.
struct ModelLayer {
  const float *attention_norm = nullptr, *attention_norm_bias = nullptr;
  const float *query_bias = nullptr, *key_bias = nullptr, *value_bias = nullptr;
  const float *query_norm = nullptr, *key_norm = nullptr;  // of one head
  const float *attention_output_bias = nullptr, *attention_post_norm = nullptr;
  const float *feed_forward_norm = nullptr, *feed_forward_norm_bias = nullptr;
  const float *gate_bias = nullptr, *up_bias = nullptr, *down_bias = nullptr;
  const float* feed_forward_post_norm = nullptr;
  PackedMatrix query, key, value, attention_output;
  PackedMatrix gate, up, down;
  PackedMatrix router;  // of experts: which then have the three below instead of those above
  std::vector<PackedMatrix> expert_gates, expert_ups, expert_downs;
};

struct ModelWeights {
  MemoryArena arena;               // owns what the pointers below point at
  PackedMatrix embedding, output;  // the same one when tied
  const float *output_norm = nullptr, *output_norm_bias = nullptr, *output_bias = nullptr;
  std::vector<ModelLayer> layers;
  std::vector<float> rope_divisors;  // empty when the file has none
};

// What a file's header says of its weights.
struct WeightSizes {
  std::uint64_t packed_bytes = 0;  // in memory
  std::uint64_t parameters = 0;
  // Read for each decoded token: all but an untied embedding, and of the experts those that it
  // uses.
  std::uint64_t bytes_per_token = 0;
  std::string quantization;  // of the matrices: "Q4_0", or "mixed"
};

// Succeeds when every tensor is there with its expected type and shape. A tensor that the model
// would not use is refused too: ignoring a bias gives wrong answers quietly.
Result<WeightSizes> measure_weights(const GgufFile& file, const ModelConfig& config);

// The members of the team read and pack side by side. The context as opened decides between the
// short and the long divisors of a longrope model.
Result<ModelWeights> load_weights(const GgufFile& file, const ModelConfig& config,
                                  int context_tokens, ThreadTeam& team);

}  // namespace pennyweight::llm
