#include "local_backend/model/wanted_tensors.h"

#include <charconv>

#include <fmt/format.h>

namespace pennyweight::llm {
namespace {

std::uint64_t size(int n) {
  return static_cast<std::uint64_t>(n);
}

class Collector {
 public:
  Collector(const GgufFile& file, const ModelConfig& config) : file_(file), c_(config) {}

  void matrix(std::string name, std::uint64_t columns, std::uint64_t rows, PackedMatrix& to) {
    wanted_.push_back({std::move(name), {columns, rows}, {{rows, &to, nullptr}}, false, false});
  }
  void vector(std::string name, std::uint64_t length, const float*& to, bool optional = false) {
    wanted_.push_back({std::move(name), {length}, {{length, nullptr, &to}}, optional, false});
  }
  void bias(std::string name, std::uint64_t length, const float*& to) {
    vector(std::move(name), length, to, true);
  }
  void experts(std::string name, std::uint64_t columns, std::uint64_t rows,
               std::vector<PackedMatrix>& to) {
    to.resize(size(c_.experts));
    std::vector<TensorPart> parts;
    for (PackedMatrix& one : to) parts.push_back({rows, &one, nullptr});
    wanted_.push_back({std::move(name), {columns, rows, to.size()}, std::move(parts), false, true});
  }

  void layer(int index, ModelLayer& layer) {
    block_ = fmt::format("blk.{}.", index);
    const auto embedding = size(c_.embedding_length), query = size(c_.query_length());
    const Architecture& kind = *c_.architecture;
    if (kind.norms_before) {
      vector(block_ + "attn_norm.weight", embedding, layer.attention_norm);
      bias(block_ + "attn_norm.bias", embedding, layer.attention_norm_bias);
      vector(block_ + "ffn_norm.weight", embedding, layer.feed_forward_norm);
      bias(block_ + "ffn_norm.bias", embedding, layer.feed_forward_norm_bias);
    }
    if (kind.norms_after) {
      vector(block_ + "post_attention_norm.weight", embedding, layer.attention_post_norm);
      vector(block_ + "post_ffw_norm.weight", embedding, layer.feed_forward_post_norm);
    }
    if (kind.head_norms) {
      vector(block_ + "attn_q_norm.weight", size(c_.head_length), layer.query_norm);
      vector(block_ + "attn_k_norm.weight", size(c_.head_length), layer.key_norm);
    }
    inputs(layer);
    matrix(block_ + "attn_output.weight", query, embedding, layer.attention_output);
    bias(block_ + "attn_output.bias", embedding, layer.attention_output_bias);
    if (c_.experts > 0)
      mixture(layer);
    else
      feed_forward(layer);
  }

  std::vector<WantedTensor> take() { return std::move(wanted_); }

 private:
  // Query, key and value.
  void inputs(ModelLayer& layer) {
    const auto embedding = size(c_.embedding_length);
    const auto query = size(c_.query_length()), kv = size(c_.kv_length());
    if (file_.tensor(block_ + "attn_qkv.weight") != nullptr) {
      wanted_.push_back(
          {block_ + "attn_qkv.weight",
           {embedding, query + 2 * kv},
           {{query, &layer.query, nullptr}, {kv, &layer.key, nullptr}, {kv, &layer.value, nullptr}},
           false,
           false});
      wanted_.push_back({block_ + "attn_qkv.bias",
                         {query + 2 * kv},
                         {{query, nullptr, &layer.query_bias},
                          {kv, nullptr, &layer.key_bias},
                          {kv, nullptr, &layer.value_bias}},
                         true,
                         false});
      return;
    }
    matrix(block_ + "attn_q.weight", embedding, query, layer.query);
    matrix(block_ + "attn_k.weight", embedding, kv, layer.key);
    matrix(block_ + "attn_v.weight", embedding, kv, layer.value);
    bias(block_ + "attn_q.bias", query, layer.query_bias);
    bias(block_ + "attn_k.bias", kv, layer.key_bias);
    bias(block_ + "attn_v.bias", kv, layer.value_bias);
  }

  void feed_forward(ModelLayer& layer) {
    const auto embedding = size(c_.embedding_length), hidden = size(c_.feed_forward_length);
    if (c_.architecture->fused_gate) {
      wanted_.push_back({block_ + "ffn_up.weight",
                         {embedding, 2 * hidden},
                         {{hidden, &layer.gate, nullptr}, {hidden, &layer.up, nullptr}},
                         false,
                         false});
    } else {
      matrix(block_ + "ffn_gate.weight", embedding, hidden, layer.gate);
      matrix(block_ + "ffn_up.weight", embedding, hidden, layer.up);
      bias(block_ + "ffn_gate.bias", hidden, layer.gate_bias);
      bias(block_ + "ffn_up.bias", hidden, layer.up_bias);
    }
    matrix(block_ + "ffn_down.weight", hidden, embedding, layer.down);
    bias(block_ + "ffn_down.bias", embedding, layer.down_bias);
  }

  void mixture(ModelLayer& layer) {
    const auto embedding = size(c_.embedding_length), hidden = size(c_.feed_forward_length);
    matrix(block_ + "ffn_gate_inp.weight", embedding, size(c_.experts), layer.router);
    experts(block_ + "ffn_gate_exps.weight", embedding, hidden, layer.expert_gates);
    experts(block_ + "ffn_up_exps.weight", embedding, hidden, layer.expert_ups);
    experts(block_ + "ffn_down_exps.weight", hidden, embedding, layer.expert_downs);
  }

  const GgufFile& file_;
  const ModelConfig& c_;
  std::string block_;
  std::vector<WantedTensor> wanted_;
};

}  // namespace

std::vector<WantedTensor> wanted_tensors(const GgufFile& file, const ModelConfig& config,
                                         ModelWeights& weights) {
  const auto embedding = size(config.embedding_length), vocabulary = size(config.vocabulary_size);
  weights.layers.resize(config.layers.size());
  Collector collector(file, config);
  collector.matrix("token_embd.weight", embedding, vocabulary, weights.embedding);
  collector.vector("output_norm.weight", embedding, weights.output_norm);
  collector.bias("output_norm.bias", embedding, weights.output_norm_bias);
  if (!config.tied_output) collector.matrix("output.weight", embedding, vocabulary, weights.output);
  collector.bias("output.bias", vocabulary, weights.output_bias);
  for (std::size_t i = 0; i < config.layers.size(); ++i)
    collector.layer(static_cast<int>(i), weights.layers[i]);
  return collector.take();
}

bool is_ignored(std::string_view tensor, const ModelConfig& config) {
  if (config.ignored_layers == 0 || !tensor.starts_with("blk.")) return false;
  std::size_t index = 0;
  const auto read = std::from_chars(tensor.data() + 4, tensor.data() + tensor.size(), index);
  return read.ec == std::errc() && index >= config.layers.size();
}

}  // namespace pennyweight::llm
