#include "local_backend/synthetic_tensors.h"

#include <algorithm>
#include <cmath>

namespace pennyweight::llm {
namespace {

using Kind = SyntheticTensor::Kind;

constexpr SyntheticTraits kTraits[] = {
    {.architecture = "llama"},
    {.architecture = "mistral3"},
    {.architecture = "qwen2", .width_is_heads = true},
    {.architecture = "qwen3", .qk_norms = true},
    {.architecture = "qwen3moe", .qk_norms = true},
    {.architecture = "phi3", .gate_in_up = true, .width_is_heads = true},
    {.architecture = "phimoe", .norm_biases = true, .never_tied = true, .width_is_heads = true},
    {.architecture = "gemma", .always_tied = true},
    {.architecture = "gemma2", .post_norms = true, .always_tied = true},
    {.architecture = "gemma3", .qk_norms = true, .post_norms = true},
    {.architecture = "exaone"},
    {.architecture = "exaone4",
     .no_pre_norms = true,
     .qk_norms = true,
     .post_norms = true,
     .width_is_heads = true},
    {.architecture = "smollm3"},
    {.architecture = "granite"},
};

std::uint64_t unsigned_of(int value) {
  return static_cast<std::uint64_t>(value);
}

class TensorList {
 public:
  explicit TensorList(const SyntheticSpec& spec)
      : spec_(spec), traits_(*synthetic_traits(spec.architecture)) {}

  std::vector<SyntheticTensor> make() {
    const std::uint64_t words = unsigned_of(spec_.vocabulary_size);
    add(Kind::embedding, "token_embd.weight", {width_, words});
    for (std::size_t i = 0; i < spec_.vectors.size(); ++i) {
      add(Kind::given, spec_.vectors[i].first, {spec_.vectors[i].second.size()});
      tensors_.back().given = i;
    }
    for (int layer = 0; layer < spec_.layers + spec_.ignored_layers; ++layer) {
      block_ = "blk." + std::to_string(layer) + ".";
      add_attention();
      if (spec_.experts > 0) {
        add_experts();
      } else {
        add_feed_forward();
      }
      if (traits_.post_norms) add_norm(block_ + "post_ffw_norm", width_);
      if (layer >= spec_.layers) add_further_prediction();
    }
    add_norm("output_norm", width_, traits_.norm_biases);
    if (!spec_.tied_output) add(Kind::head, "output.weight", {width_, words});
    if (spec_.head_bias) add(Kind::bias, "output.bias", {words});
    return std::move(tensors_);
  }

 private:
  void add(Kind kind, std::string name, std::vector<std::uint64_t> ne, double scale = 1) {
    tensors_.push_back({kind, std::move(name), std::move(ne), scale, 0});
  }

  void add_norm(const std::string& name, std::uint64_t length, bool with_bias = false) {
    add(Kind::norm, name + ".weight", {length});
    if (with_bias) add(Kind::bias, name + ".bias", {length});
  }

  void add_matrix(const std::string& part, std::uint64_t columns, std::uint64_t rows, bool biased,
                  double scale = 1) {
    add(Kind::matrix, block_ + part + ".weight", {columns, rows}, scale);
    if (biased) add(Kind::bias, block_ + part + ".bias", {rows});
  }

  void add_attention() {
    const std::uint64_t head = unsigned_of(
        spec_.head_length > 0 ? spec_.head_length : spec_.embedding_length / spec_.heads);
    const std::uint64_t q = head * unsigned_of(spec_.heads),
                        kv = head * unsigned_of(spec_.kv_heads);
    if (!traits_.no_pre_norms) add_norm(block_ + "attn_norm", width_, traits_.norm_biases);
    if (spec_.fused_qkv) {
      add_matrix("attn_qkv", width_, q + 2 * kv, spec_.qkv_bias);
    } else {
      add_matrix("attn_q", width_, q, spec_.qkv_bias);
      add_matrix("attn_k", width_, kv, spec_.qkv_bias);
      add_matrix("attn_v", width_, kv, spec_.qkv_bias);
    }
    if (traits_.qk_norms) {
      add_norm(block_ + "attn_q_norm", head);
      add_norm(block_ + "attn_k_norm", head);
    }
    add_matrix("attn_output", q, width_, spec_.attention_output_bias, branch_);
    if (traits_.post_norms) add_norm(block_ + "post_attention_norm", width_);
    if (!traits_.no_pre_norms) add_norm(block_ + "ffn_norm", width_, traits_.norm_biases);
  }

  void add_feed_forward() {
    const std::uint64_t hidden = unsigned_of(spec_.feed_forward_length);
    if (!traits_.gate_in_up) add_matrix("ffn_gate", width_, hidden, spec_.feed_forward_bias);
    add_matrix("ffn_up", width_, traits_.gate_in_up ? 2 * hidden : hidden, spec_.feed_forward_bias);
    add_matrix("ffn_down", hidden, width_, spec_.feed_forward_bias, branch_);
  }

  void add_experts() {
    const std::uint64_t experts = unsigned_of(spec_.experts);
    const std::uint64_t hidden =
        unsigned_of(spec_.expert_feed_forward_length > 0 ? spec_.expert_feed_forward_length
                                                         : spec_.feed_forward_length);
    add(Kind::router, block_ + "ffn_gate_inp.weight", {width_, experts});
    add(Kind::matrix, block_ + "ffn_gate_exps.weight", {width_, hidden, experts});
    add(Kind::matrix, block_ + "ffn_up_exps.weight", {width_, hidden, experts});
    add(Kind::matrix, block_ + "ffn_down_exps.weight", {hidden, width_, experts}, branch_);
  }

  void add_further_prediction() {
    add_matrix("nextn.eh_proj", 2 * width_, width_, false);
    add_norm(block_ + "nextn.enorm", width_);
    add_norm(block_ + "nextn.hnorm", width_);
  }

  const SyntheticSpec& spec_;
  const SyntheticTraits& traits_;
  const std::uint64_t width_ = unsigned_of(spec_.embedding_length);
  // So that the sum of all branches stays near its scale, however deep the model.
  const double branch_ = static_cast<double>(spec_.branch_scale) / std::sqrt(2.0 * spec_.layers);
  std::string block_;
  std::vector<SyntheticTensor> tensors_;
};

}  // namespace

const SyntheticTraits* synthetic_traits(std::string_view architecture) {
  const auto* found = std::ranges::find(kTraits, architecture, &SyntheticTraits::architecture);
  return found == std::end(kTraits) ? nullptr : found;
}

const std::vector<std::string_view>& synthetic_architectures() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const SyntheticTraits& traits : kTraits) all.push_back(traits.architecture);
    return all;
  }();
  return names;
}

std::vector<SyntheticTensor> synthetic_tensors(const SyntheticSpec& spec) {
  return TensorList(spec).make();
}

}  // namespace pennyweight::llm
