// Models made from a seed: the demo's pair until a trained one lands, and files on which any two
// engines can be compared. Same spec, same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/quantization/block_formats.h"
#include "local_backend/quantization/type_mixture.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct SyntheticSpec {
  std::string name = "tiny";
  std::string architecture = "llama";  // one of synthetic_architectures()
  int layers = 2, embedding_length = 128, heads = 4, kv_heads = 2, feed_forward_length = 352;
  int head_length = 0;  // 0: embedding_length / heads
  int experts = 0, experts_used = 0;
  int expert_feed_forward_length = 0;  // 0: feed_forward_length
  int ignored_layers = 0;  // behind the last: they predict further tokens, engines skip them
  int context_length = 4096;
  int vocabulary_size = 512;  // 256 byte tokens, controls, filler words; at least 300
  float rope_freq_base = 10000;
  bool tied_output = false;
  float branch_scale = 1;             // > 1: layers count for more beside the embedding
  TensorType type = TensorType::f16;  // of every matrix; norms and routers are f32
  std::optional<Mixture> mixture;     // in place of `type`: as a file quantized to it
  std::uint64_t seed = 1;
  // 0: Gaussian weights, whose logits nearly tie. > 0: the head is a permuted copy of the embedding
  // plus noise, so that the next token is predictable with about this margin while all layers still
  // run at full cost: greedy sequences are then equal across correct engines.
  float margin = 0;

  // Tensors that some models of an architecture have and others have not. Those that all have
  // (norms of q and k, norms behind a branch, phi3's gate within ffn_up ...) follow from the
  // architecture.
  bool fused_qkv = false;  // one attn_qkv for attn_q, attn_k and attn_v
  bool qkv_bias = false, attention_output_bias = false, feed_forward_bias = false;
  bool head_bias = false;
  // Norms of 0.5 to 1.5 and biases of -0.5 to 0.5, so that a test sees each; else 1 and 0.
  bool random_vectors = false;
  // Further metadata, without "ARCHITECTURE." before the key; replaces what follows from the shape.
  std::vector<std::pair<std::string, GgufValue>> keys;
  std::vector<std::pair<std::string, std::vector<float>>> vectors;  // F32 tensors: rope_freqs ...
};

// "llama", "qwen2", ...: the names of general.architecture.
const std::vector<std::string_view>& synthetic_architectures();

// "tiny", "small", "medium", ...: shapes by name, the same list in help and errors.
const std::vector<SyntheticSpec>& synthetic_shapes();
// "llama-3.2-1b", "qwen3-4b", ...: those of published models.
const std::vector<SyntheticSpec>& published_shapes();
// "tiny-llama", "tiny-mixtral", "tiny-gemma2", ...: each architecture, as small as rows of 256
// allow, with random norms and biases, and every feature that it has at work within 256 tokens.
const std::vector<SyntheticSpec>& architecture_shapes();
// "synth/NAME:TYPE", or "NAME:TYPE"; names and types in any case, a misspelt name gets a
// suggestion. TYPE is "Q4_K_M" or another mixture. F32, F16, Q8_0 and Q4_0 of synthetic_shapes()
// are pure, and so is a type that no mixture is named after: MXFP4.
Result<SyntheticSpec> parse_synthetic(std::string_view text);
std::string synthetic_type_names();  // for messages

// SPM tokenizer with byte fallback, ChatML template. Weights are Gaussian with sigma 1/sqrt(fan_in)
// (attn_output and ffn_down also / sqrt(2 layers)), norms 1, biases 0.
// `progress` as in GgufWriter::write.
using WriteProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;
Result<void> write_synthetic_model(const SyntheticSpec& spec, const std::filesystem::path& path,
                                   const WriteProgress& progress = {});
// The same model without a file: weights are made as they are read.
Result<GgufFile> synthetic_model(const SyntheticSpec& spec);

}  // namespace pennyweight::llm
