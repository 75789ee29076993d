// The half of a layer in which each token is by itself: one feed-forward part, or a mixture of
// experts (Shazeer et al., 2017).
#include <algorithm>

#include "local_backend/model/forward_pass.h"
#include "local_backend/model/packed_matrix.h"
#include "local_backend/runtime/exact_math.h"

namespace pennyweight::llm {
namespace {

// Weights of chosen experts are divided by their sum, or by this where it is smaller: the least
// normal f16.
constexpr float kLeastSum = 0x1p-14f;

std::size_t size(int n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

void ForwardPass::feed_forward(int member, std::size_t index) {
  const ModelLayer& layer = weights_.layers[index];
  if (config_.experts > 0) {
    mixture(member, layer);
  } else {
    normalise(member, layer.feed_forward_norm, layer.feed_forward_norm_bias,
              {&layer.gate, &layer.up});
    team_.barrier();
    const std::size_t length = size(config_.feed_forward_length);
    const auto [first, last] = share(panel_count(length), member);
    for (const auto& [matrix, out] : {Product{layer.gate, gate_}, Product{layer.up, up_}})
      kernels_.multiply(matrix, first, last, inputs_.rows(), out.pointers(), rows_.size());
    const std::size_t row = first * kPanelRows, end_row = std::min(last * kPanelRows, length);
    for (std::size_t t = 0; row < end_row && t < rows_.size(); ++t) {
      for (std::size_t i = row; layer.gate_bias != nullptr && i < end_row; ++i)
        gate_[t][i] += layer.gate_bias[i];
      for (std::size_t i = row; layer.up_bias != nullptr && i < end_row; ++i)
        up_[t][i] += layer.up_bias[i];
      gate(gate_[t] + row, up_[t] + row, end_row - row);
    }
    team_.barrier();
    const auto [begin, end] = share(rows_.size(), member);
    for (std::size_t t = begin; t < end; ++t)
      inputs_.prepare(kernels_, t, gate_[t], length, {&layer.down});
    team_.barrier();
    multiply(member, {{layer.down, branch_}}, rows_.size());
  }
  if (member == 0) stopped_ = all_cancelled();
  team_.barrier();
  add_branch(member, layer.down_bias, layer.feed_forward_post_norm);
}

void ForwardPass::gate(float* gate, float* up, std::size_t n) const {
  if (config_.architecture->gate == GateFunction::gelu)
    kernels_.geglu(gate, up, n);
  else
    kernels_.swiglu(gate, up, n);
}

// Leaves its sum in branch_, by rows: the caller's barrier comes before anybody else reads it.
void ForwardPass::mixture(int member, const ModelLayer& layer) {
  normalise(member, layer.feed_forward_norm, layer.feed_forward_norm_bias,
            {&layer.router, &layer.expert_gates.front(), &layer.expert_ups.front()});
  team_.barrier();
  multiply(member, {{layer.router, router_}}, rows_.size());
  team_.barrier();
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t) choose_experts(t);
  team_.barrier();
  if (member == 0) sort_by_expert();
  team_.barrier();
  run_experts(member, layer);
  team_.barrier();
  combine_experts(member);
}

// Softmax over all experts, the likeliest of them, their weights made to sum to 1.
void ForwardPass::choose_experts(std::size_t row) {
  const std::size_t experts = size(config_.experts), used = size(config_.experts_used);
  float* scores = router_[row];
  const float most = *std::max_element(scores, scores + experts);
  double sum = 0;
  for (std::size_t e = 0; e < experts; ++e) {
    const double weight =
        exact_math::exp(static_cast<double>(scores[e]) - static_cast<double>(most));
    sum += weight;
    scores[e] = static_cast<float>(weight);
  }
  for (std::size_t e = 0; e < experts; ++e)
    scores[e] = static_cast<float>(static_cast<double>(scores[e]) / sum);
  Choice* chosen = &choices_[row * used];
  float total = 0;
  for (std::size_t rank = 0; rank < used; ++rank) {
    const auto best = static_cast<std::size_t>(std::max_element(scores, scores + experts) - scores);
    chosen[rank] = {row, static_cast<int>(best), scores[best]};
    total += scores[best];
    scores[best] = -1;
  }
  for (std::size_t rank = 0; rank < used; ++rank)
    chosen[rank].weight = chosen[rank].weight / std::max(total, kLeastSum) * config_.expert_scale;
}

void ForwardPass::sort_by_expert() {
  const std::size_t experts = size(config_.experts);
  first_of_expert_.assign(experts + 1, 0);
  for (const Choice& choice : choices_) ++first_of_expert_[size(choice.expert) + 1];
  for (std::size_t e = 0; e < experts; ++e) first_of_expert_[e + 1] += first_of_expert_[e];
  std::vector<std::size_t> next(first_of_expert_.begin(), first_of_expert_.end() - 1);
  by_expert_.resize(choices_.size());
  place_.resize(choices_.size());
  gathered_.resize(choices_.size());
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    place_[i] = next[size(choices_[i].expert)]++;
    by_expert_[place_[i]] = choices_[i];
    gathered_[place_[i]] = inputs_.rows()[choices_[i].row];
  }
}

void ForwardPass::run_experts(int member, const ModelLayer& layer) {
  const std::size_t length = size(config_.feed_forward_length);
  const ThreadTeam::Range inner = share(panel_count(length), member);
  const std::size_t row = inner.begin * kPanelRows;
  const std::size_t end_row = std::min(inner.end * kPanelRows, length);
  const auto each_expert = [this](auto&& use) {
    for (std::size_t e = 0; e < size(config_.experts); ++e)
      if (const std::size_t at = first_of_expert_[e]; at < first_of_expert_[e + 1])
        use(e, at, first_of_expert_[e + 1] - at);
  };
  each_expert([&](std::size_t e, std::size_t at, std::size_t count) {
    if (row >= end_row) return;
    kernels_.multiply(layer.expert_gates[e], inner.begin, inner.end, &gathered_[at],
                      gate_.pointers() + at, count);
    kernels_.multiply(layer.expert_ups[e], inner.begin, inner.end, &gathered_[at],
                      up_.pointers() + at, count);
    for (std::size_t i = at; i < at + count; ++i) gate(gate_[i] + row, up_[i] + row, end_row - row);
  });
  team_.barrier();
  const auto [begin, end] = share(by_expert_.size(), member);
  for (std::size_t i = begin; i < end; ++i)
    expert_inputs_.prepare(kernels_, i, gate_[i], length, {&layer.expert_downs.front()});
  team_.barrier();
  const ThreadTeam::Range outer = share(panel_count(size(config_.embedding_length)), member);
  each_expert([&](std::size_t e, std::size_t at, std::size_t count) {
    if (outer.begin < outer.end)
      kernels_.multiply(layer.expert_downs[e], outer.begin, outer.end, expert_inputs_.rows() + at,
                        expert_out_.pointers() + at, count);
  });
}

void ForwardPass::combine_experts(int member) {
  const std::size_t length = size(config_.embedding_length), used = size(config_.experts_used);
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t) {
    std::fill_n(branch_[t], length, 0.0f);
    for (std::size_t rank = 0; rank < used; ++rank) {
      const std::size_t choice = t * used + rank;
      const float* out = expert_out_[place_[choice]];
      for (std::size_t i = 0; i < length; ++i) branch_[t][i] += choices_[choice].weight * out[i];
    }
  }
}

}  // namespace pennyweight::llm
