#include "local_backend/model/forward_pass.h"

#include <algorithm>

#include "local_backend/model/packed_matrix.h"

namespace pennyweight::llm {
namespace {

std::size_t size(int n) {
  return static_cast<std::size_t>(n);
}

std::size_t longest_input(const LlamaConfig& c) {
  return size(std::max({c.embedding_length, c.query_length(), c.feed_forward_length}));
}

}  // namespace

ForwardPass::ForwardPass(const LlamaConfig& config, const LlamaWeights& weights,
                         const KernelTable& kernels, ThreadTeam& team, std::size_t chunk)
    : config_(config),
      weights_(weights),
      kernels_(kernels),
      team_(team),
      angles_(config.head_length, config.rope_base, config.rope_frequency_scale,
              weights.rope_divisors),
      hidden_(chunk, size(config.embedding_length)),
      normed_(chunk, size(config.embedding_length)),
      query_(chunk, size(config.query_length())),
      key_(chunk, size(config.kv_length())),
      value_(chunk, size(config.kv_length())),
      mixed_(chunk, size(config.query_length())),
      gate_(chunk, size(config.feed_forward_length)),
      up_(chunk, size(config.feed_forward_length)),
      branch_(chunk, size(config.embedding_length)),
      logits_(1, size(config.vocabulary_size)),
      cosines_(chunk, angles_.pairs()),
      sines_(chunk, angles_.pairs()),
      inputs_(chunk, longest_input(config)) {}

bool ForwardPass::run(std::span<const StepRow> rows,
                      std::span<const std::atomic<bool>* const> cancelled) {
  rows_ = rows;
  cancelled_ = cancelled;
  if (all_cancelled()) return false;
  wanted_.clear();
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].wanted) wanted_.push_back(i);
  if (wanted_.size() > logits_.size())
    logits_ = FloatRows(wanted_.size(), size(config_.vocabulary_size));
  stopped_ = false;
  team_.run([this](int member) { work(member); });
  return !stopped_;
}

bool ForwardPass::all_cancelled() const {
  return !cancelled_.empty() && std::ranges::all_of(cancelled_, [](const std::atomic<bool>* flag) {
    return flag->load(std::memory_order_relaxed);
  });
}

std::span<const float> ForwardPass::logits(std::size_t row) const {
  return {logits_[row], size(config_.vocabulary_size)};
}

// A member keeps the same rows in every stage that goes by rows, so those need no barrier between
// them.
void ForwardPass::work(int member) {
  embed(member);
  for (std::size_t layer = 0; layer < weights_.layers.size(); ++layer) {
    attention(member, layer);
    feed_forward(member, layer);
    if (stopped_) return;
  }
  head(member);
}

void ForwardPass::embed(int member) {
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t) {
    unpack_row(weights_.embedding, static_cast<std::size_t>(rows_[t].token),
               {hidden_[t], size(config_.embedding_length)});
    angles_.fill(static_cast<std::uint32_t>(rows_[t].position), {cosines_[t], angles_.pairs()},
                 {sines_[t], angles_.pairs()});
  }
}

void ForwardPass::attention(int member, std::size_t index) {
  const LlamaLayer& layer = weights_.layers[index];
  normalise(member, layer.attention_norm, {&layer.query, &layer.key, &layer.value});
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
  add_branch(member);
}

void ForwardPass::feed_forward(int member, std::size_t index) {
  const LlamaLayer& layer = weights_.layers[index];
  const std::size_t length = size(config_.feed_forward_length);
  normalise(member, layer.feed_forward_norm, {&layer.gate, &layer.up});
  team_.barrier();
  const auto [first, last] = share(panel_count(length), member);
  for (const auto& [matrix, out] : {Product{layer.gate, gate_}, Product{layer.up, up_}})
    kernels_.multiply(matrix, first, last, inputs_.rows(), out.pointers(), rows_.size());
  const std::size_t row = first * kPanelRows, end_row = std::min(last * kPanelRows, length);
  for (std::size_t t = 0; row < end_row && t < rows_.size(); ++t)
    kernels_.swiglu(gate_[t] + row, up_[t] + row, end_row - row);
  team_.barrier();
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t)
    inputs_.prepare(kernels_, t, gate_[t], length, {&layer.down});
  team_.barrier();
  multiply(member, {{layer.down, branch_}}, rows_.size());
  if (member == 0) stopped_ = all_cancelled();
  team_.barrier();
  add_branch(member);
}

// The wanted rows move to the front of the inputs.
void ForwardPass::head(int member) {
  if (wanted_.empty()) return;
  team_.barrier();  // the last branch was added by rows, and this goes by wanted ones
  const auto [begin, end] = share(wanted_.size(), member);
  for (std::size_t i = begin; i < end; ++i) {
    kernels_.rms_norm(hidden_[wanted_[i]], weights_.output_norm, config_.rms_epsilon, normed_[i],
                      size(config_.embedding_length));
    inputs_.prepare(kernels_, i, normed_[i], size(config_.embedding_length), {&weights_.output});
  }
  team_.barrier();
  multiply(member, {{weights_.output, logits_}}, wanted_.size());
}

void ForwardPass::normalise(int member, const float* weight,
                            std::initializer_list<const PackedMatrix*> consumers) {
  const std::size_t length = size(config_.embedding_length);
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t) {
    kernels_.rms_norm(hidden_[t], weight, config_.rms_epsilon, normed_[t], length);
    inputs_.prepare(kernels_, t, normed_[t], length, consumers);
  }
}

void ForwardPass::add_branch(int member) {
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t)
    for (std::size_t i = 0; i < size(config_.embedding_length); ++i) hidden_[t][i] += branch_[t][i];
}

// By token and key-value head, with the query heads that share it.
void ForwardPass::rotate_and_store(int member, std::size_t layer) {
  const std::size_t length = size(config_.head_length), groups = size(config_.kv_heads);
  const std::size_t sharing = size(config_.heads / config_.kv_heads);
  const auto [begin, end] = share(rows_.size() * groups, member);
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t t = item / groups, group = item % groups;
    const std::span<const float> cosines(cosines_[t], length / 2), sines(sines_[t], length / 2);
    for (std::size_t h = group * sharing; h < (group + 1) * sharing; ++h) {
      const std::span<float> query(query_[t] + h * length, length);
      rotate(query, cosines, sines);
      for (float& x : query) x *= config_.attention_scale;
    }
    float* key = key_[t] + group * length;
    rotate({key, length}, cosines, sines);
    std::uint16_t halves[2][kMaxHeadLength];
    kernels_.to_f16(key, halves[0], length);
    kernels_.to_f16(value_[t] + group * length, halves[1], length);
    rows_[t].history->store(layer, group, rows_[t].position, halves[0], halves[1]);
  }
}

// Heads first, so that each member gets short and long histories alike.
void ForwardPass::attend(int member, std::size_t layer) {
  const std::size_t length = size(config_.head_length), n = rows_.size();
  const std::size_t sharing = size(config_.heads / config_.kv_heads);
  const AttentionShape shape{length, panel_count(length) * kPanelRows};
  const auto [begin, end] = share(size(config_.heads) * n, member);
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t head = item / n, t = item % n;
    const KvHistory history =
        rows_[t].history->history(layer, head / sharing, 0, rows_[t].position + 1);
    kernels_.attend(query_[t] + head * length, history, shape, mixed_[t] + head * length);
  }
}

// The panels of all products, one after another, are shared out as if they were one matrix.
void ForwardPass::multiply(int member, std::initializer_list<Product> products, std::size_t rows) {
  std::size_t total = 0;
  for (const Product& product : products) total += panel_count(product.matrix.rows);
  const auto [begin, end] = share(total, member);
  std::size_t before = 0;
  for (const auto& [matrix, out] : products) {
    const std::size_t panels = panel_count(matrix.rows);
    const std::size_t first = std::clamp(begin, before, before + panels) - before;
    const std::size_t last = std::clamp(end, before, before + panels) - before;
    if (first < last) kernels_.multiply(matrix, first, last, inputs_.rows(), out.pointers(), rows);
    before += panels;
  }
}

}  // namespace pennyweight::llm
