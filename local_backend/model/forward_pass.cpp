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

FloatRows::FloatRows(std::size_t rows, std::size_t length) : rows_(rows) {
  const std::size_t stride = panel_count(length) * kPanelRows;
  data_.resize(rows * stride);
  for (std::size_t i = 0; i < rows; ++i) rows_[i] = data_.data() + i * stride;
}

ActivationRows::ActivationRows(std::size_t rows, std::size_t longest)
    : longest_((longest + 31) / 32 * 32),
      rows_(rows),
      rounded_(rows * longest_),
      scales_(rows * longest_ / 32),
      quants_(rows * longest_),
      sums_(rows * longest_ / 32) {}

void ActivationRows::prepare(const KernelTable& kernels, std::size_t row, const float* x,
                             std::size_t n, std::initializer_list<const PackedMatrix*> consumers) {
  Activation made{.f32 = x};
  for (const PackedMatrix* consumer : consumers) {
    if (consumer->type == TensorType::f16 && made.rounded == nullptr) {
      float* rounded = &rounded_[row * longest_];
      kernels.round_f16(x, rounded, n);
      made.rounded = rounded;
    } else if (consumer->type != TensorType::f16 && consumer->type != TensorType::f32 &&
               made.q8 == nullptr) {
      std::int8_t* quants = &quants_[row * longest_];
      float* scales = &scales_[row * longest_ / 32];
      std::int32_t* sums = &sums_[row * longest_ / 32];
      kernels.quantize_q8(x, quants, scales, sums, n);
      made.q8 = quants;
      made.q8_scales = scales;
      made.q8_sums = sums;
    }
  }
  rows_[row] = made;
}

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

bool ForwardPass::run(std::span<const Token> tokens, std::size_t position, const KvCache& cache,
                      std::size_t wanted, const std::atomic<bool>& cancelled) {
  if (cancelled.load(std::memory_order_relaxed)) return false;
  if (wanted > logits_.size()) logits_ = FloatRows(wanted, size(config_.vocabulary_size));
  tokens_ = tokens;
  position_ = position;
  wanted_ = wanted;
  cache_ = &cache;
  cancelled_ = &cancelled;
  stopped_ = false;
  team_.run([this](int member) { work(member); });
  return !stopped_;
}

std::span<const float> ForwardPass::logits(std::size_t row) const {
  return {logits_[row], size(config_.vocabulary_size)};
}

// A member keeps the same tokens in every stage that goes by tokens, so those need no barrier
// between them.
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
  const auto [begin, end] = share(tokens_.size(), member);
  for (std::size_t t = begin; t < end; ++t) {
    unpack_row(weights_.embedding, static_cast<std::size_t>(tokens_[t]),
               {hidden_[t], size(config_.embedding_length)});
    angles_.fill(static_cast<std::uint32_t>(position_ + t), {cosines_[t], angles_.pairs()},
                 {sines_[t], angles_.pairs()});
  }
}

void ForwardPass::attention(int member, std::size_t index) {
  const LlamaLayer& layer = weights_.layers[index];
  normalise(member, layer.attention_norm, {&layer.query, &layer.key, &layer.value});
  team_.barrier();
  multiply(member, {{layer.query, query_}, {layer.key, key_}, {layer.value, value_}}, 0,
           tokens_.size());
  team_.barrier();
  rotate_and_store(member, index);
  team_.barrier();
  attend(member, index);
  team_.barrier();
  const auto [begin, end] = share(tokens_.size(), member);
  for (std::size_t t = begin; t < end; ++t)
    inputs_.prepare(kernels_, t, mixed_[t], size(config_.query_length()),
                    {&layer.attention_output});
  team_.barrier();
  multiply(member, {{layer.attention_output, branch_}}, 0, tokens_.size());
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
    kernels_.multiply(matrix, first, last, inputs_.rows(), out.pointers(), tokens_.size());
  const std::size_t row = first * kPanelRows, end_row = std::min(last * kPanelRows, length);
  for (std::size_t t = 0; row < end_row && t < tokens_.size(); ++t)
    kernels_.swiglu(gate_[t] + row, up_[t] + row, end_row - row);
  team_.barrier();
  const auto [begin, end] = share(tokens_.size(), member);
  for (std::size_t t = begin; t < end; ++t)
    inputs_.prepare(kernels_, t, gate_[t], length, {&layer.down});
  team_.barrier();
  multiply(member, {{layer.down, branch_}}, 0, tokens_.size());
  if (member == 0) stopped_ = cancelled_->load(std::memory_order_relaxed);
  team_.barrier();
  add_branch(member);
}

void ForwardPass::head(int member) {
  if (wanted_ == 0) return;
  const std::size_t first = tokens_.size() - wanted_;
  const auto [begin, end] = share(tokens_.size(), member);
  for (std::size_t t = std::max(begin, first); t < end; ++t) {
    kernels_.rms_norm(hidden_[t], weights_.output_norm, config_.rms_epsilon, normed_[t],
                      size(config_.embedding_length));
    inputs_.prepare(kernels_, t, normed_[t], size(config_.embedding_length), {&weights_.output});
  }
  team_.barrier();
  multiply(member, {{weights_.output, logits_}}, first, wanted_);
}

void ForwardPass::normalise(int member, const float* weight,
                            std::initializer_list<const PackedMatrix*> consumers) {
  const std::size_t length = size(config_.embedding_length);
  const auto [begin, end] = share(tokens_.size(), member);
  for (std::size_t t = begin; t < end; ++t) {
    kernels_.rms_norm(hidden_[t], weight, config_.rms_epsilon, normed_[t], length);
    inputs_.prepare(kernels_, t, normed_[t], length, consumers);
  }
}

void ForwardPass::add_branch(int member) {
  const auto [begin, end] = share(tokens_.size(), member);
  for (std::size_t t = begin; t < end; ++t)
    for (std::size_t i = 0; i < size(config_.embedding_length); ++i) hidden_[t][i] += branch_[t][i];
}

// By token and key-value head, with the query heads that share it.
void ForwardPass::rotate_and_store(int member, std::size_t layer) {
  const std::size_t length = size(config_.head_length), groups = size(config_.kv_heads);
  const std::size_t sharing = size(config_.heads / config_.kv_heads);
  const auto [begin, end] = share(tokens_.size() * groups, member);
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
    cache_->store(layer, group, position_ + t, halves[0], halves[1]);
  }
}

// Heads first, so that each member gets short and long histories alike.
void ForwardPass::attend(int member, std::size_t layer) {
  const std::size_t length = size(config_.head_length), n = tokens_.size();
  const std::size_t sharing = size(config_.heads / config_.kv_heads);
  const auto [begin, end] = share(size(config_.heads) * n, member);
  for (std::size_t item = begin; item < end; ++item) {
    const std::size_t head = item / n, t = item % n, group = head / sharing;
    kernels_.attend(query_[t] + head * length, cache_->keys(layer, group),
                    cache_->values(layer, group), position_ + t + 1, length, cache_->value_stride(),
                    mixed_[t] + head * length);
  }
}

// The panels of all products, one after another, are shared out as if they were one matrix.
void ForwardPass::multiply(int member, std::initializer_list<Product> products,
                           std::size_t first_row, std::size_t rows) {
  std::size_t total = 0;
  for (const Product& product : products) total += panel_count(product.matrix.rows);
  const auto [begin, end] = share(total, member);
  std::size_t before = 0;
  for (const auto& [matrix, out] : products) {
    const std::size_t panels = panel_count(matrix.rows);
    const std::size_t first = std::clamp(begin, before, before + panels) - before;
    const std::size_t last = std::clamp(end, before, before + panels) - before;
    if (first < last)
      kernels_.multiply(matrix, first, last, inputs_.rows() + first_row, out.pointers(), rows);
    before += panels;
  }
}

}  // namespace pennyweight::llm
