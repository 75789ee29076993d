// All weights of a model, packed for the kernels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/kernels/kernels.h"
#include "local_backend/model/llama_config.h"
#include "local_backend/runtime/memory_arena.h"
#include "local_backend/runtime/thread_team.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct LlamaLayer {
  const float* attention_norm = nullptr;
  const float* feed_forward_norm = nullptr;
  PackedMatrix query, key, value, attention_output;
  PackedMatrix gate, up, down;
};

struct LlamaWeights {
  MemoryArena arena;               // owns what the pointers below point at
  PackedMatrix embedding, output;  // the same one when tied
  const float* output_norm = nullptr;
  std::vector<LlamaLayer> layers;
  std::vector<float> rope_divisors;  // empty when the file has none
  std::uint64_t parameters = 0;
  std::uint64_t bytes_per_token = 0;  // read for each decoded token: all but an untied embedding
  std::string quantization;           // of the matrices: "Q4_0", or "mixed"
};

// What reading the weights would take, after every tensor was found with its expected type and
// shape. A tensor that the model would not use is refused too: ignoring a bias gives wrong answers
// quietly.
Result<std::uint64_t> packed_bytes(const GgufFile& file, const LlamaConfig& config);

// packed_bytes must have succeeded. The members of the team read and pack side by side.
Result<LlamaWeights> load_weights(const GgufFile& file, const LlamaConfig& config,
                                  ThreadTeam& team);

}  // namespace pennyweight::llm
