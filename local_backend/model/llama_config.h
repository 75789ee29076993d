// The numbers that describe a model of the llama architecture, read from a file that nobody vouches
// for: whatever this returns is within the bounds that the rest of the engine computes with.
#pragma once

#include <cstdint>
#include <string>

#include "local_backend/gguf/gguf_file.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct LlamaConfig {
  int layers = 0;
  int embedding_length = 0;
  int feed_forward_length = 0;
  int heads = 0, kv_heads = 0;  // heads is a multiple of kv_heads
  int head_length = 0;          // even; keys and values alike
  int vocabulary_size = 0;
  int context_length = 0;
  float rms_epsilon = 0;
  float attention_scale = 0;
  float rope_base = 0;
  float rope_frequency_scale = 1;  // 1 / the linear scaling factor
  bool tied_output = false;        // no output.weight: the embedding serves twice

  int query_length() const { return heads * head_length; }
  int kv_length() const { return kv_heads * head_length; }
};

// Refuses other architectures, experts, other rope scalings, and files in several parts, by name.
Result<LlamaConfig> read_llama_config(const GgufFile& file);

}  // namespace pennyweight::llm
