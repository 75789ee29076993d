// The half of a layer in which tokens see one another.
#include <algorithm>

#include "local_backend/model/forward_pass.h"
#include "local_backend/model/packed_matrix.h"
#include "local_backend/runtime/exact_math.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t kQueriesTogether = 4;

std::size_t size(int n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

void ForwardPass::attention(int member, std::size_t index) {
  const ModelLayer& layer = weights_.layers[index];
  normalise(member, layer.attention_norm, layer.attention_norm_bias,
            {&layer.query, &layer.key, &layer.value});
  team_.barrier();
  multiply(member, {{layer.query, query_}, {layer.key, key_}, {layer.value, value_}}, rows_.size());
  team_.barrier();
  rotate_and_store(member, index);
  team_.barrier();
  attend(member, index);
  team_.barrier();
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t)
    inputs_.prepare(kernels_, t, mixed_[t], size(config_.query_length()),
                    {&layer.attention_output});
  team_.barrier();
  multiply(member, {{layer.attention_output, branch_}}, rows_.size());
  team_.barrier();
  add_branch(member, layer.attention_output_bias, layer.attention_post_norm);
}

// Bias, norm and rotation of one query or key head; null: none.
void ForwardPass::finish_head(const float* bias, const float* norm, const LayerConfig& layer,
                              std::size_t row, float* head) const {
  const std::size_t length = size(config_.head_length);
  for (std::size_t i = 0; bias != nullptr && i < length; ++i) head[i] += bias[i];
  if (norm != nullptr) kernels_.rms_norm(head, norm, config_.rms_epsilon, head, length);
  if (layer.rotation < 0) return;
  const Rotation& rotation = rotations_[size(layer.rotation)];
  const std::size_t pairs = rotation.angles.pairs();
  rotate({head, length}, config_.architecture->pairs, {rotation.cosines[row], pairs},
         {rotation.sines[row], pairs});
}

float ForwardPass::query_scale(std::size_t row) const {
  if (config_.temperature_scale == 0) return config_.attention_scale;
  const std::size_t times = rows_[row].position / size(config_.temperature_floor) + 1;
  const auto logarithm = static_cast<float>(exact_math::log(static_cast<double>(times)));
  return config_.attention_scale * (logarithm * config_.temperature_scale + 1.0f);
}

// By token and key-value head, with the query heads that share it.
void ForwardPass::rotate_and_store(int member, std::size_t index) {
  const ModelLayer& layer = weights_.layers[index];
  const LayerConfig& shape = config_.layers[index];
  const std::size_t length = size(config_.head_length), groups = size(config_.kv_heads);
  const std::size_t sharing = size(config_.heads / config_.kv_heads);
  const auto part = [length](const float* bias, std::size_t head) {
    return bias == nullptr ? nullptr : bias + head * length;
  };
  const auto [begin, end] = share(rows_.size() * groups, member);
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t t = item / groups, group = item % groups;
    const float scale = query_scale(t);
    for (std::size_t h = group * sharing; h < (group + 1) * sharing; ++h) {
      float* query = query_[t] + h * length;
      finish_head(part(layer.query_bias, h), layer.query_norm, shape, t, query);
      for (std::size_t i = 0; i < length; ++i) query[i] *= scale;
    }
    float* key = key_[t] + group * length;
    finish_head(part(layer.key_bias, group), layer.key_norm, shape, t, key);
    float* value = value_[t] + group * length;
    const float* bias = part(layer.value_bias, group);
    for (std::size_t i = 0; bias != nullptr && i < length; ++i) value[i] += bias[i];
    std::uint16_t halves[2][kMaxHeadLength];
    kernels_.to_f16(key, halves[0], length);
    kernels_.to_f16(value, halves[1], length);
    rows_[t].history->store(index, group, rows_[t].position, halves[0], halves[1]);
  }
}

// By key-value head, then by token: the query heads that share a key-value head go together, and
// where they are few, so do neighbouring tokens of a sequence. Heads first, so that each member
// gets short and long histories alike.
void ForwardPass::attend(int member, std::size_t index) {
  const std::size_t length = size(config_.head_length), n = rows_.size();
  const std::size_t sharing = size(config_.heads / config_.kv_heads);
  const std::size_t window = size(config_.layers[index].window);
  const AttentionShape shape{length, panel_count(length) * kPanelRows, config_.attention_softcap};
  const std::size_t tokens = std::max<std::size_t>(1, kQueriesTogether / sharing);
  std::vector<AttentionQuery>& queries = queries_[size(member)];
  const auto [begin, end] = share(size(config_.kv_heads) * n, member);
  for (std::size_t item = begin; item < end;) {
    const std::size_t group = item / n;
    const KvSequence* history = rows_[item % n].history;
    queries.clear();
    for (std::size_t taken = 0;
         taken < tokens && item < end && item / n == group && rows_[item % n].history == history;
         ++taken, ++item) {
      const std::size_t t = item % n, seen = rows_[t].position + 1;
      const std::size_t from = window > 0 && seen > window ? seen - window : 0;
      for (std::size_t head = group * sharing; head < (group + 1) * sharing; ++head)
        queries.push_back({query_[t] + head * length, mixed_[t] + head * length, from, seen});
    }
    kernels_.attend(queries.data(), queries.size(), history->history(index, group), shape);
  }
}

}  // namespace pennyweight::llm
