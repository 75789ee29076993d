// Shapes of published open models, from their published configurations. Facts only: no weights.
#include "local_backend/synthetic_features.h"
#include "local_backend/synthetic_model.h"

namespace pennyweight::llm {
namespace {

struct Published {
  const char* name;
  const char* architecture;
  int layers, width, heads, kv_heads, head_length, hidden, words, context;
  float rope_base;
  double epsilon;
  bool tied;
  int experts, experts_used, window;
  int llama3_factor;  // of the rope, 0: none
};

constexpr Published kPublished[] = {
    {"llama-3-8b", "llama", 32, 4096, 32, 8, 128, 14336, 128256, 8192, 500000, 1e-05, false, 0, 0,
     0, 0},
    {"llama-3-70b", "llama", 80, 8192, 64, 8, 128, 28672, 128256, 8192, 500000, 1e-05, false, 0, 0,
     0, 0},
    {"llama-3.1-8b", "llama", 32, 4096, 32, 8, 128, 14336, 128256, 131072, 500000, 1e-05, false, 0,
     0, 0, 8},
    {"llama-3.1-70b", "llama", 80, 8192, 64, 8, 128, 28672, 128256, 131072, 500000, 1e-05, false, 0,
     0, 0, 8},
    {"llama-3.1-405b", "llama", 126, 16384, 128, 8, 128, 53248, 128256, 131072, 500000, 1e-05,
     false, 0, 0, 0, 8},
    {"llama-3.2-1b", "llama", 16, 2048, 32, 8, 64, 8192, 128256, 131072, 500000, 1e-05, true, 0, 0,
     0, 32},
    {"llama-3.2-3b", "llama", 28, 3072, 24, 8, 128, 8192, 128256, 131072, 500000, 1e-05, true, 0, 0,
     0, 32},
    {"llama-3.3-70b", "llama", 80, 8192, 64, 8, 128, 28672, 128256, 131072, 500000, 1e-05, false, 0,
     0, 0, 8},
    {"phi-3-mini-4k", "phi3", 32, 3072, 32, 32, 96, 8192, 32064, 4096, 10000, 1e-05, false, 0, 0,
     2047, 0},
    {"phi-3-mini-128k", "phi3", 32, 3072, 32, 32, 96, 8192, 32064, 131072, 10000, 1e-05, false, 0,
     0, 262144, 0},
    {"phi-3-medium-4k", "phi3", 40, 5120, 40, 10, 128, 17920, 32064, 4096, 10000, 1e-05, false, 0,
     0, 2047, 0},
    {"phi-3.5-mini", "phi3", 32, 3072, 32, 32, 96, 8192, 32064, 131072, 10000, 1e-05, false, 0, 0,
     0, 0},
    {"phi-3.5-moe", "phimoe", 32, 4096, 32, 8, 128, 6400, 32064, 131072, 10000, 1e-05, false, 16, 2,
     0, 0},
    {"phi-4", "phi3", 40, 5120, 40, 10, 128, 17920, 100352, 16384, 250000, 1e-05, false, 0, 0, 0,
     0},
    {"phi-4-mini", "phi3", 32, 3072, 24, 8, 128, 8192, 200064, 131072, 10000, 1e-05, true, 0, 0, 0,
     0},
    {"gemma-2b", "gemma", 18, 2048, 8, 1, 256, 16384, 256000, 8192, 10000, 1e-06, true, 0, 0, 0, 0},
    {"gemma-7b", "gemma", 28, 3072, 16, 16, 256, 24576, 256000, 8192, 10000, 1e-06, true, 0, 0, 0,
     0},
    {"gemma-2-2b", "gemma2", 26, 2304, 8, 4, 256, 9216, 256000, 8192, 10000, 1e-06, true, 0, 0,
     4096, 0},
    {"gemma-2-9b", "gemma2", 42, 3584, 16, 8, 256, 14336, 256000, 8192, 10000, 1e-06, true, 0, 0,
     4096, 0},
    {"gemma-2-27b", "gemma2", 46, 4608, 32, 16, 128, 36864, 256000, 8192, 10000, 1e-06, true, 0, 0,
     4096, 0},
    {"gemma-3-1b", "gemma3", 26, 1152, 4, 1, 256, 6912, 262144, 32768, 1000000, 1e-06, true, 0, 0,
     512, 0},
    {"gemma-3-4b", "gemma3", 34, 2560, 8, 4, 256, 10240, 262144, 131072, 1000000, 1e-06, true, 0, 0,
     1024, 0},
    {"gemma-3-12b", "gemma3", 48, 3840, 16, 8, 256, 15360, 262144, 131072, 1000000, 1e-06, true, 0,
     0, 1024, 0},
    {"gemma-3-27b", "gemma3", 62, 5376, 32, 16, 128, 21504, 262144, 131072, 1000000, 1e-06, true, 0,
     0, 1024, 0},
    {"qwen2.5-0.5b", "qwen2", 24, 896, 14, 2, 64, 4864, 151936, 32768, 1000000, 1e-06, true, 0, 0,
     0, 0},
    {"qwen2.5-1.5b", "qwen2", 28, 1536, 12, 2, 128, 8960, 151936, 32768, 1000000, 1e-06, true, 0, 0,
     0, 0},
    {"qwen2.5-3b", "qwen2", 36, 2048, 16, 2, 128, 11008, 151936, 32768, 1000000, 1e-06, true, 0, 0,
     0, 0},
    {"qwen2.5-7b", "qwen2", 28, 3584, 28, 4, 128, 18944, 152064, 32768, 1000000, 1e-06, false, 0, 0,
     0, 0},
    {"qwen2.5-14b", "qwen2", 48, 5120, 40, 8, 128, 13824, 152064, 32768, 1000000, 1e-05, false, 0,
     0, 0, 0},
    {"qwen2.5-32b", "qwen2", 64, 5120, 40, 8, 128, 27648, 152064, 32768, 1000000, 1e-05, false, 0,
     0, 0, 0},
    {"qwen2.5-72b", "qwen2", 80, 8192, 64, 8, 128, 29568, 152064, 32768, 1000000, 1e-05, false, 0,
     0, 0, 0},
    {"qwen3-0.6b", "qwen3", 28, 1024, 16, 8, 128, 3072, 151936, 40960, 1000000, 1e-06, true, 0, 0,
     0, 0},
    {"qwen3-1.7b", "qwen3", 28, 2048, 16, 8, 128, 6144, 151936, 40960, 1000000, 1e-06, true, 0, 0,
     0, 0},
    {"qwen3-4b", "qwen3", 36, 2560, 32, 8, 128, 9728, 151936, 40960, 1000000, 1e-06, true, 0, 0, 0,
     0},
    {"qwen3-8b", "qwen3", 36, 4096, 32, 8, 128, 12288, 151936, 40960, 1000000, 1e-06, false, 0, 0,
     0, 0},
    {"qwen3-14b", "qwen3", 40, 5120, 40, 8, 128, 17408, 151936, 40960, 1000000, 1e-06, false, 0, 0,
     0, 0},
    {"qwen3-32b", "qwen3", 64, 5120, 64, 8, 128, 25600, 151936, 40960, 1000000, 1e-06, false, 0, 0,
     0, 0},
    {"qwen3-30b-a3b", "qwen3moe", 48, 2048, 32, 4, 128, 768, 151936, 40960, 1000000, 1e-06, false,
     128, 8, 0, 0},
    {"qwen3-235b-a22b", "qwen3moe", 94, 4096, 64, 4, 128, 1536, 151936, 40960, 1000000, 1e-06,
     false, 128, 8, 0, 0},
    {"mistral-7b-v0.1", "llama", 32, 4096, 32, 8, 128, 14336, 32000, 32768, 10000, 1e-05, false, 0,
     0, 4096, 0},
    {"mistral-7b-v0.2", "llama", 32, 4096, 32, 8, 128, 14336, 32000, 32768, 1000000, 1e-05, false,
     0, 0, 0, 0},
    {"mistral-7b-v0.3", "llama", 32, 4096, 32, 8, 128, 14336, 32768, 32768, 1000000, 1e-05, false,
     0, 0, 0, 0},
    {"mixtral-8x7b", "llama", 32, 4096, 32, 8, 128, 14336, 32000, 32768, 1000000, 1e-05, false, 8,
     2, 0, 0},
    {"solar-10.7b", "llama", 48, 4096, 32, 8, 128, 14336, 32000, 4096, 10000, 1e-05, false, 0, 0, 0,
     0},
    {"exaone-3.0-7.8b", "exaone", 32, 4096, 32, 8, 128, 14336, 102400, 4096, 500000, 1e-05, false,
     0, 0, 0, 0},
    {"exaone-3.5-2.4b", "exaone", 30, 2560, 32, 8, 80, 7168, 102400, 32768, 1000000, 1e-05, true, 0,
     0, 0, 8},
    {"exaone-3.5-7.8b", "exaone", 32, 4096, 32, 8, 128, 14336, 102400, 32768, 1000000, 1e-05, false,
     0, 0, 0, 8},
    {"exaone-3.5-32b", "exaone", 64, 5120, 40, 8, 128, 27392, 102400, 32768, 1000000, 1e-05, false,
     0, 0, 0, 0},
    {"exaone-4.0-1.2b", "exaone4", 30, 2048, 32, 8, 64, 4096, 102400, 65536, 1000000, 1e-05, true,
     0, 0, 0, 0},
    {"exaone-4.0-32b", "exaone4", 64, 5120, 40, 8, 128, 27392, 102400, 131072, 1000000, 1e-05,
     false, 0, 0, 4096, 16},
    {"hyperclovax-seed-text-0.5b", "llama", 24, 1024, 16, 8, 128, 4096, 110592, 4096, 100000000,
     1e-05, true, 0, 0, 0, 0},
    {"hyperclovax-seed-text-1.5b", "llama", 24, 2048, 16, 8, 128, 7168, 110592, 131072, 100000000,
     1e-05, true, 0, 0, 0, 0},
    {"midm-2.0-mini", "llama", 48, 1792, 32, 8, 128, 4608, 131392, 32768, 8000000, 1e-05, true, 0,
     0, 0, 0},
    {"midm-2.0-base", "llama", 48, 4096, 32, 8, 128, 14336, 131392, 32768, 8000000, 1e-05, false, 0,
     0, 0, 0},
    {"smollm2-135m", "llama", 30, 576, 9, 3, 64, 1536, 49152, 8192, 100000, 1e-05, true, 0, 0, 0,
     0},
    {"smollm2-360m", "llama", 32, 960, 15, 5, 64, 2560, 49152, 8192, 100000, 1e-05, true, 0, 0, 0,
     0},
    {"smollm2-1.7b", "llama", 24, 2048, 32, 32, 64, 8192, 49152, 8192, 130000, 1e-05, true, 0, 0, 0,
     0},
    {"smollm3-3b", "smollm3", 36, 2048, 16, 4, 128, 11008, 128256, 65536, 5000000, 1e-06, true, 0,
     0, 0, 0},
    {"tinyllama-1.1b", "llama", 22, 2048, 32, 4, 64, 5632, 32000, 2048, 10000, 1e-05, false, 0, 0,
     0, 0},
};

void add_features(const Published& shape, SyntheticSpec& spec) {
  const std::string_view architecture = shape.architecture, name = shape.name;
  if (architecture == "qwen2" || architecture == "phimoe") spec.qkv_bias = true;
  if (architecture == "phimoe") spec.attention_output_bias = spec.head_bias = true;
  if (architecture == "phi3") spec.fused_qkv = true;
  if (name == "phi-4-mini") set_key(spec, "rope.dimension_count", 96);
  if (architecture == "gemma3" && name != "gemma-3-1b") set_rope_scaling(spec, "linear", 8);
  if (shape.window > 0) set_key(spec, "attention.sliding_window", shape.window);
  if (shape.llama3_factor > 0) {
    spec.vectors = {{"rope_freqs.weight",
                     llama3_divisors(shape.head_length, static_cast<double>(shape.rope_base),
                                     shape.llama3_factor, 8192)}};
  }
}

SyntheticSpec spec_of(const Published& shape) {
  SyntheticSpec spec;
  spec.name = shape.name, spec.architecture = shape.architecture;
  spec.layers = shape.layers, spec.embedding_length = shape.width;
  spec.heads = shape.heads, spec.kv_heads = shape.kv_heads, spec.head_length = shape.head_length;
  spec.feed_forward_length = shape.hidden, spec.vocabulary_size = shape.words;
  spec.context_length = shape.context, spec.rope_freq_base = shape.rope_base;
  spec.tied_output = shape.tied;
  spec.experts = shape.experts, spec.experts_used = shape.experts_used;
  if (shape.experts > 0) spec.expert_feed_forward_length = shape.hidden;
  spec.keys = {{"attention.layer_norm_rms_epsilon", shape.epsilon}};
  add_features(shape, spec);
  return spec;
}

}  // namespace

const std::vector<SyntheticSpec>& published_shapes() {
  static const std::vector<SyntheticSpec> shapes = [] {
    std::vector<SyntheticSpec> all;
    for (const Published& shape : kPublished) all.push_back(spec_of(shape));
    return all;
  }();
  return shapes;
}

}  // namespace pennyweight::llm
