#include "tests/local_backend/tiny_models.h"

#include <algorithm>
#include <deque>
#include <iterator>

#include "local_backend/synthetic_features.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

constexpr int kContext = 256;

class Zoo {
 public:
  // A copy of the architecture's first variant, to be changed; stays where it is.
  SyntheticSpec& add(const std::string& architecture, const std::string& variant) {
    SyntheticSpec spec;
    const auto first = std::ranges::find(models_, architecture, &SyntheticSpec::architecture);
    if (first != models_.end()) {
      spec = *first;
    } else {
      spec.architecture = architecture;
      spec.layers = 2, spec.embedding_length = 64, spec.heads = 4, spec.kv_heads = 2;
      spec.feed_forward_length = 96, spec.vocabulary_size = 300, spec.context_length = kContext;
      spec.type = TensorType::f32;
      spec.random_vectors = true;
    }
    spec.name = architecture + " " + variant;
    spec.seed = models_.size() + 1;
    models_.push_back(std::move(spec));
    return models_.back();
  }
  std::vector<SyntheticSpec> take() {
    return {std::make_move_iterator(models_.begin()), std::make_move_iterator(models_.end())};
  }

 private:
  std::deque<SyntheticSpec> models_;
};

void use_experts(SyntheticSpec& spec) {
  spec.experts = 4, spec.experts_used = 2;
}

void add_llama_kin(Zoo& zoo) {
  zoo.add("llama", "plain");
  zoo.add("llama", "tied").tied_output = true;
  zoo.add("llama", "fused qkv").fused_qkv = true;
  auto& biases = zoo.add("llama", "biases");
  biases.qkv_bias = biases.attention_output_bias = biases.feed_forward_bias = true;
  auto& fused = zoo.add("llama", "fused qkv with bias");
  fused.fused_qkv = fused.qkv_bias = true;
  // Heads shorter than the embedding shared out; as few keys as can be.
  auto& heads = zoo.add("llama", "head length");
  heads.head_length = 24, heads.kv_heads = 1;
  zoo.add("llama", "rope factors").vectors = {{"rope_freqs.weight", rising_divisors(8, 1, 8)}};
  set_rope_scaling(zoo.add("llama", "linear rope"), "linear", 4);
  set_key(zoo.add("llama", "old linear rope"), "rope.scale_linear", 4.0);
  set_rope_scaling(zoo.add("llama", "yarn"), "yarn", 4, 64);
  auto& longrope = zoo.add("llama", "longrope");
  set_rope_scaling(longrope, "longrope", 1, 64);
  longrope.vectors = {{"rope_factors_long.weight", rising_divisors(8, 1.5, 9)},
                      {"rope_factors_short.weight", rising_divisors(8, 1, 1.4)}};
  set_key(zoo.add("llama", "attention scale of no effect"), "attention.scale", 0.4);
  // Mistral 7B v0.1 has it in its file; all layers see everything still.
  set_key(zoo.add("llama", "sliding window of no effect"), "attention.sliding_window", 8);
  use_experts(zoo.add("llama", "experts"));

  auto& mistral = zoo.add("mistral3", "plain");
  mistral.head_length = 24;
  set_rope_scaling(mistral, "yarn", 16, 64);
  set_key(mistral, "rope.scaling.yarn_beta_fast", 4.0);
  set_key(mistral, "rope.scaling.yarn_beta_slow", 1.0);
  set_key(mistral, "rope.scaling.yarn_log_multiplier", 1.0);
  auto& multiplier = zoo.add("mistral3", "log multiplier");
  set_key(multiplier, "rope.scaling.yarn_log_multiplier", 0.5);
  auto& temperature = zoo.add("mistral3", "temperature");
  set_key(temperature, "rope.scaling.original_context_length", 8);
  set_key(temperature, "attention.temperature_scale", 0.1);
  auto& magnitude = zoo.add("mistral3", "no log multiplier");
  std::erase_if(magnitude.keys,
                [](const auto& key) { return key.first == "rope.scaling.yarn_log_multiplier"; });

  zoo.add("smollm3", "plain").layers = 5;  // the fourth has no rope

  auto& granite = zoo.add("granite", "plain");
  set_key(granite, "embedding_scale", 12.0);
  set_key(granite, "residual_scale", 0.22);
  set_key(granite, "attention.scale", 0.1);
  set_key(granite, "logit_scale", 0.5);
  auto& logits = zoo.add("granite", "tied, logit scale only");
  logits.tied_output = true;
  logits.keys.clear();
  set_key(logits, "logit_scale", 0.3);
}

void add_qwens(Zoo& zoo) {
  zoo.add("qwen2", "plain").qkv_bias = true;
  zoo.add("qwen2", "tied").tied_output = true;
  zoo.add("qwen2", "head bias").head_bias = true;
  zoo.add("qwen2", "fused qkv").fused_qkv = true;
  set_rope_scaling(zoo.add("qwen2", "yarn"), "yarn", 4, 64);

  zoo.add("qwen3", "plain").head_length = 24;
  zoo.add("qwen3", "tied").tied_output = true;
  zoo.add("qwen3", "fused qkv").fused_qkv = true;

  auto& experts = zoo.add("qwen3moe", "plain");
  experts.head_length = 24, experts.expert_feed_forward_length = 32;
  use_experts(experts);
  zoo.add("qwen3moe", "one expert used").experts_used = 1;
}

void add_phis(Zoo& zoo) {
  zoo.add("phi3", "plain").fused_qkv = true;
  zoo.add("phi3", "separate qkv").fused_qkv = false;
  auto& partial = zoo.add("phi3", "partial rope");
  set_key(partial, "rope.dimension_count", 12);
  partial.tied_output = true;
  set_key(zoo.add("phi3", "sliding window of no effect"), "attention.sliding_window", 8);
  // The configured context is longer than the one trained first, or is not.
  auto& longer = zoo.add("phi3", "long factors");
  set_key(longer, "rope.dimension_count", 12);
  set_key(longer, "rope.scaling.attn_factor", 1.19);
  set_key(longer, "rope.scaling.original_context_length", 64);
  longer.vectors = {{"rope_factors_long.weight", rising_divisors(6, 1.5, 20)},
                    {"rope_factors_short.weight", rising_divisors(6, 1, 1.4)}};
  auto& shorter = zoo.add("phi3", "short factors");
  shorter.keys = longer.keys, shorter.vectors = longer.vectors;
  set_key(shorter, "rope.scaling.original_context_length", kContext);

  auto& experts = zoo.add("phimoe", "plain");
  use_experts(experts);
  experts.qkv_bias = experts.attention_output_bias = experts.head_bias = true;
  auto& factored = zoo.add("phimoe", "long factors");
  set_key(factored, "rope.scaling.attn_factor", 1.19);
  set_key(factored, "rope.scaling.original_context_length", 64);
  factored.vectors = {{"rope_factors_long.weight", rising_divisors(8, 1.5, 20)},
                      {"rope_factors_short.weight", rising_divisors(8, 1, 1.4)}};
}

void add_gemmas(Zoo& zoo) {
  auto& gemma = zoo.add("gemma", "plain");
  gemma.tied_output = true, gemma.head_length = 24, gemma.kv_heads = 1;

  auto& second = zoo.add("gemma2", "plain");
  second.tied_output = true, second.head_length = 24, second.layers = 4;
  set_key(second, "attention.sliding_window", 8);
  set_key(second, "attn_logit_softcapping", 5.0);
  set_key(second, "final_logit_softcapping", 3.0);
  auto& defaults = zoo.add("gemma2", "default caps and window");
  defaults.keys.clear();
  // The scale of 27B goes by the embedding; 46 layers tell it.
  auto& scaled = zoo.add("gemma2", "46 layers");
  scaled.layers = 46, scaled.embedding_length = 32, scaled.feed_forward_length = 32;

  auto& third = zoo.add("gemma3", "plain");
  third.tied_output = true, third.head_length = 24, third.layers = 7;
  third.rope_freq_base = 1'000'000;
  set_key(third, "attention.sliding_window", 8);
  set_rope_scaling(zoo.add("gemma3", "linear rope of the global layers"), "linear", 8);
  auto& keyed = zoo.add("gemma3", "pattern, local base and softcap");
  keyed.layers = 4;
  set_key(keyed, "attention.sliding_window_pattern", 2);
  set_key(keyed, "rope.freq_base_swa", 500.0);
  set_key(keyed, "final_logit_softcapping", 3.0);
  auto& full = zoo.add("gemma3", "no window");
  full.keys.clear();
  full.tied_output = false;
  auto& largest = zoo.add("gemma3", "62 layers");
  largest.layers = 62, largest.embedding_length = 32, largest.feed_forward_length = 32;
}

void add_exaones(Zoo& zoo) {
  auto& third = zoo.add("exaone", "plain");
  third.vectors = {{"rope_freqs.weight", rising_divisors(8, 1, 8)}};
  auto& tied = zoo.add("exaone", "tied, no factors");
  tied.tied_output = true;
  tied.vectors.clear();

  auto& fourth = zoo.add("exaone4", "plain");
  fourth.vectors = {{"rope_freqs.weight", rising_divisors(8, 1, 8)}};
  // Few layers, so no window even where the key is there.
  set_key(zoo.add("exaone4", "sliding window of no effect"), "attention.sliding_window", 8);
  zoo.add("exaone4", "layer that predicts further").ignored_layers = 1;
  // The shape of 32B, told by its layers: three of four have a window, and only those have rope.
  auto& windowed = zoo.add("exaone4", "64 layers");
  windowed.layers = 64, windowed.embedding_length = 32, windowed.feed_forward_length = 32;
  windowed.vectors = {{"rope_freqs.weight", rising_divisors(4, 1, 8)}};
  set_key(windowed, "attention.sliding_window", 8);
}

// Last, since each model's seed is its place in the list.
void add_keys_of_no_effect(Zoo& zoo) {
  auto& betas = zoo.add("llama", "yarn keys of no effect");
  set_rope_scaling(betas, "yarn", 4, 64);
  set_key(betas, "rope.scaling.yarn_beta_fast", 4.0);
  set_key(betas, "rope.scaling.yarn_beta_slow", 0.1);
  set_key(betas, "rope.scaling.yarn_log_multiplier", 1.0);
}

}  // namespace

const std::vector<SyntheticSpec>& tiny_models() {
  static const std::vector<SyntheticSpec> models = [] {
    Zoo zoo;
    add_llama_kin(zoo);
    add_qwens(zoo);
    add_phis(zoo);
    add_gemmas(zoo);
    add_exaones(zoo);
    add_keys_of_no_effect(zoo);
    return zoo.take();
  }();
  return models;
}

SyntheticSpec tiny_model(std::string_view architecture, std::string_view variant) {
  const std::string name = std::string(architecture) + " " + std::string(variant);
  const auto found = std::ranges::find(tiny_models(), name, &SyntheticSpec::name);
  INFO("no tiny model \"" << name << "\"");
  REQUIRE(found != tiny_models().end());
  return *found;
}

SyntheticSpec with_type(SyntheticSpec spec, TensorType type) {
  spec.type = type;
  const auto block = static_cast<int>(block_format(type)->elements);
  if (block <= 32) return spec;
  const int length = spec.head_length > 0 ? spec.head_length : spec.embedding_length / spec.heads;
  const auto up = [block](int n) { return (n + block - 1) / block * block; };
  // Heads stay as long as they are, and the rope's factors with them: there are more of them.
  const int heads = block / length + (block % length > 0 ? 1 : 0);
  const int each = heads * length == block ? length : 32;
  spec.embedding_length = up(spec.embedding_length);
  spec.heads = spec.embedding_length / each;
  spec.kv_heads = spec.heads / 2;
  if (spec.head_length > 0) spec.head_length = each;
  spec.feed_forward_length = up(spec.feed_forward_length);
  if (spec.expert_feed_forward_length > 0) spec.expert_feed_forward_length = block;
  return spec;
}

GgufFile written(const SyntheticSpec& spec, const std::filesystem::path& path) {
  const auto done = write_synthetic_model(spec, path);
  INFO(spec.name << (done ? "" : ": " + done.error().why));
  REQUIRE(done);
  auto file = GgufFile::open(path);
  REQUIRE(file);
  return *std::move(file);
}

}  // namespace pennyweight::llm::test
