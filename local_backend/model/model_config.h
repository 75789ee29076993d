// The numbers that describe a model, read from a file that nobody vouches for: whatever this
// returns is within the bounds that the rest of the engine computes with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/model/architecture.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// How positions become angles. Formulas: docs/numerics.md, "rotation".
struct RopeConfig {
  int dimensions = 0;  // of a head that rotate; even, at most head_length
  float base = 10000;
  float frequency_scale = 1;  // 1 / the linear scaling factor
  float magnitude = 1;        // of cosine and sine
  // YaRN (Peng et al., 2023): angles between the two corrections are interpolated.
  bool yarn = false;
  float beta_fast = 32, beta_slow = 1;
  int original_context = 0;

  friend bool operator==(const RopeConfig&, const RopeConfig&) = default;
};

struct LayerConfig {
  int window = 0;    // positions that a token sees, itself included; 0: all
  int rotation = 0;  // index in ModelConfig::rotations; -1: none
};

struct ModelConfig {
  const Architecture* architecture = nullptr;
  int embedding_length = 0;
  int feed_forward_length = 0;  // of a dense layer, or of one expert
  int heads = 0, kv_heads = 0;  // heads is a multiple of kv_heads
  int head_length = 0;          // even; keys and values alike
  int vocabulary_size = 0;
  int context_length = 0;
  float rms_epsilon = 0;
  float attention_scale = 0;
  float attention_softcap = 0, final_softcap = 0;  // 0: none
  float embedding_scale = 1, residual_scale = 1;
  float logit_scale = 1;  // logits are multiplied by it
  // Queries are scaled by 1 + ln(1 + floor(position / floor)) * scale; 0: not.
  float temperature_scale = 0;
  int temperature_floor = 0;
  int experts = 0, experts_used = 0;  // 0: a dense model
  float expert_scale = 1;
  bool tied_output = false;  // no output.weight: the embedding serves twice
  int ignored_layers = 0;    // at the end of the file: they draft tokens, which we do not
  std::vector<LayerConfig> layers;
  std::vector<RopeConfig> rotations;

  int query_length() const { return heads * head_length; }
  int kv_length() const { return kv_heads * head_length; }
};

// Refuses by name what the engine does not run: other architectures, rope scalings, shapes that
// vary by layer.
Result<ModelConfig> read_model_config(const GgufFile& file);

}  // namespace pennyweight::llm
