// The smallest model of each architecture whose rows are whole blocks of 256, so that every type
// is what its name says, with the architecture's window, caps and rope scaling at work within 256
// tokens.
#include "local_backend/synthetic_features.h"
#include "local_backend/synthetic_model.h"

namespace pennyweight::llm {
namespace {

constexpr int kWindow = 64;  // tokens; also the context that scaled ropes were trained for
constexpr int kHead = 64;
constexpr int kPairs = kHead / 2;

SyntheticSpec shape_of(std::string_view architecture) {
  SyntheticSpec spec;
  spec.name = "tiny-" + std::string(architecture);
  spec.architecture = architecture;
  spec.embedding_length = 256, spec.feed_forward_length = 512;
  spec.heads = 4, spec.kv_heads = 2, spec.head_length = kHead;
  spec.random_vectors = true;
  return spec;
}

void use_experts(SyntheticSpec& spec, int experts) {
  spec.experts = experts, spec.experts_used = 2;
}

// Other divisors where the context, as opened, exceeds the one trained first: here always.
void use_long_factors(SyntheticSpec& spec, int pairs) {
  set_key(spec, "rope.scaling.attn_factor", 1.19);
  set_key(spec, "rope.scaling.original_context_length", kWindow);
  spec.vectors = {{"rope_factors_long.weight", rising_divisors(pairs, 1.5, 20)},
                  {"rope_factors_short.weight", rising_divisors(pairs, 1, 1.4)}};
}

void use_llama3_rope(SyntheticSpec& spec, double factor) {
  spec.rope_freq_base = 500'000;
  spec.vectors = {{"rope_freqs.weight", llama3_divisors(kHead, 500'000, factor, kWindow)}};
}

std::vector<SyntheticSpec> llama_kin() {
  SyntheticSpec llama = shape_of("llama");
  use_llama3_rope(llama, 8);

  SyntheticSpec mixtral = shape_of("llama");
  mixtral.name = "tiny-mixtral";
  use_experts(mixtral, 8);  // which have rules of their own in mixtures

  SyntheticSpec mistral = shape_of("mistral3");
  set_rope_scaling(mistral, "yarn", 16, kWindow);
  set_key(mistral, "rope.scaling.yarn_beta_fast", 4.0);
  set_key(mistral, "rope.scaling.yarn_beta_slow", 1.0);
  set_key(mistral, "rope.scaling.yarn_log_multiplier", 1.0);
  set_key(mistral, "attention.temperature_scale", 0.1);

  SyntheticSpec smol = shape_of("smollm3");
  smol.layers = 5, smol.tied_output = true;  // the fourth has no rope

  SyntheticSpec granite = shape_of("granite");
  set_key(granite, "embedding_scale", 4.0);
  set_key(granite, "residual_scale", 0.22);
  set_key(granite, "attention.scale", 0.1);
  set_key(granite, "logit_scale", 0.5);
  return {llama, mixtral, mistral, smol, granite};
}

std::vector<SyntheticSpec> qwens() {
  SyntheticSpec second = shape_of("qwen2");
  second.qkv_bias = true;
  set_rope_scaling(second, "yarn", 4, kWindow);

  SyntheticSpec third = shape_of("qwen3");
  third.tied_output = true;

  SyntheticSpec experts = shape_of("qwen3moe");
  experts.expert_feed_forward_length = 256;
  use_experts(experts, 4);
  return {second, third, experts};
}

std::vector<SyntheticSpec> phis() {
  constexpr int kRotated = 48;  // of 64, as in Phi-4-mini
  SyntheticSpec third = shape_of("phi3");
  third.fused_qkv = true;
  set_key(third, "rope.dimension_count", kRotated);
  use_long_factors(third, kRotated / 2);

  SyntheticSpec experts = shape_of("phimoe");
  experts.qkv_bias = experts.attention_output_bias = experts.head_bias = true;
  use_experts(experts, 4);
  use_long_factors(experts, kPairs);
  return {third, experts};
}

std::vector<SyntheticSpec> gemmas() {
  SyntheticSpec first = shape_of("gemma");
  first.tied_output = true, first.kv_heads = 1;
  first.branch_scale = 16;  // else every token predicts itself: embeddings are scaled, and the head

  SyntheticSpec second = shape_of("gemma2");
  second.tied_output = true, second.layers = 4;  // with a window and without in turn
  set_key(second, "attention.sliding_window", kWindow);
  set_key(second, "attn_logit_softcapping", 2.0);
  set_key(second, "final_logit_softcapping", 3.0);

  SyntheticSpec third = shape_of("gemma3");
  third.tied_output = true, third.layers = 7;  // the sixth sees everything
  third.rope_freq_base = 1'000'000;
  set_key(third, "attention.sliding_window", kWindow);
  set_rope_scaling(third, "linear", 8);
  return {first, second, third};
}

std::vector<SyntheticSpec> exaones() {
  SyntheticSpec third = shape_of("exaone");
  use_llama3_rope(third, 8);

  // 64 layers are what tells the 32B model, whose layers have windows, from the 1.2B one.
  SyntheticSpec fourth = shape_of("exaone4");
  fourth.layers = 64, fourth.feed_forward_length = 256;
  use_llama3_rope(fourth, 16);
  set_key(fourth, "attention.sliding_window", kWindow);
  return {third, fourth};
}

}  // namespace

const std::vector<SyntheticSpec>& architecture_shapes() {
  static const std::vector<SyntheticSpec> shapes = [] {
    std::vector<SyntheticSpec> all;
    for (const auto& family : {llama_kin(), qwens(), phis(), gemmas(), exaones()})
      all.insert(all.end(), family.begin(), family.end());
    return all;
  }();
  return shapes;
}

}  // namespace pennyweight::llm
