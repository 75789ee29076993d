// Models made from a seed: the demo's pair until a trained one lands, and files on which any two
// engines can be compared. Same spec, same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/quantization/block_formats.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct SyntheticSpec {
  std::string name = "tiny";
  int layers = 2, embedding_length = 128, heads = 4, kv_heads = 2, feed_forward_length = 352;
  int context_length = 4096;
  int vocabulary_size = 512;  // 256 byte tokens, controls, filler words; at least 300
  float rope_freq_base = 10000;
  bool tied_output = false;
  TensorType type = TensorType::f16;  // of every 2-D weight; norms are f32
  std::uint64_t seed = 1;
  // 0: Gaussian weights, whose logits nearly tie. > 0: the head is a permuted copy of the embedding
  // plus noise, so that the next token is predictable with about this margin while all layers still
  // run at full cost: greedy sequences are then equal across correct engines.
  float margin = 0;
};

// "tiny", "small", "medium", ...: shapes by name, the same list in help and errors.
const std::vector<SyntheticSpec>& synthetic_shapes();
// "synth/NAME:TYPE", or "NAME:TYPE"; a misspelt name gets a suggestion.
Result<SyntheticSpec> parse_synthetic(std::string_view text);

// llama architecture, SPM tokenizer with byte fallback, ChatML template. Weights are Gaussian with
// sigma 1/sqrt(fan_in) (attn_output and ffn_down also / sqrt(2 layers)), norms 1.
Result<void> write_synthetic_model(const SyntheticSpec& spec, const std::filesystem::path& path);

}  // namespace pennyweight::llm
