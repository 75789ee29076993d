#include "local_backend/model/forward_pass.h"

#include <algorithm>

#include "local_backend/model/packed_matrix.h"

namespace pennyweight::llm {
namespace {

std::size_t size(int n) {
  return static_cast<std::size_t>(n);
}

std::size_t longest_input(const ModelConfig& c) {
  return size(std::max({c.embedding_length, c.query_length(), c.feed_forward_length}));
}

// Rows of the feed-forward part: one for each expert that a token uses.
std::size_t inner_rows(const ModelConfig& c, std::size_t chunk) {
  return chunk * size(std::max(1, c.experts_used));
}

}  // namespace

ForwardPass::ForwardPass(const ModelConfig& config, const ModelWeights& weights,
                         const KernelTable& kernels, ThreadTeam& team, std::size_t chunk)
    : config_(config),
      weights_(weights),
      kernels_(kernels),
      team_(team),
      hidden_(chunk, size(config.embedding_length)),
      normed_(chunk, size(config.embedding_length)),
      query_(chunk, size(config.query_length())),
      key_(chunk, size(config.kv_length())),
      value_(chunk, size(config.kv_length())),
      mixed_(chunk, size(config.query_length())),
      gate_(inner_rows(config, chunk), size(config.feed_forward_length)),
      up_(inner_rows(config, chunk), size(config.feed_forward_length)),
      branch_(chunk, size(config.embedding_length)),
      logits_(1, size(config.vocabulary_size)),
      inputs_(chunk, longest_input(config)),
      router_(config.experts > 0 ? chunk : 0, size(config.experts)),
      expert_out_(config.experts > 0 ? inner_rows(config, chunk) : 0,
                  size(config.embedding_length)),
      expert_inputs_(config.experts > 0 ? inner_rows(config, chunk) : 0,
                     size(config.feed_forward_length)) {
  for (const RopeConfig& rope : config.rotations) {
    RopeAngles angles(rope, weights.rope_divisors);
    const std::size_t pairs = angles.pairs();
    rotations_.push_back({std::move(angles), FloatRows(chunk, pairs), FloatRows(chunk, pairs)});
  }
}

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
  choices_.resize(rows.size() * size(config_.experts_used));
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
  const std::size_t length = size(config_.embedding_length);
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t) {
    unpack_row(weights_.embedding, static_cast<std::size_t>(rows_[t].token), {hidden_[t], length});
    if (config_.embedding_scale != 1)
      for (std::size_t i = 0; i < length; ++i) hidden_[t][i] *= config_.embedding_scale;
    for (const Rotation& rotation : rotations_)
      rotation.angles.fill(static_cast<std::uint32_t>(rows_[t].position),
                           {rotation.cosines[t], rotation.angles.pairs()},
                           {rotation.sines[t], rotation.angles.pairs()});
  }
}

// The wanted rows move to the front of the inputs.
void ForwardPass::head(int member) {
  if (wanted_.empty()) return;
  team_.barrier();  // the last branch was added by rows, and this goes by wanted ones
  const std::size_t length = size(config_.embedding_length);
  const auto [begin, end] = share(wanted_.size(), member);
  for (std::size_t i = begin; i < end; ++i) {
    kernels_.rms_norm(hidden_[wanted_[i]], weights_.output_norm, config_.rms_epsilon, normed_[i],
                      length);
    for (std::size_t k = 0; weights_.output_norm_bias != nullptr && k < length; ++k)
      normed_[i][k] += weights_.output_norm_bias[k];
    inputs_.prepare(kernels_, i, normed_[i], length, {&weights_.output});
  }
  team_.barrier();
  multiply(member, {{weights_.output, logits_}}, wanted_.size());
  finish_logits(member);
}

// Of the rows of the output matrix that this member has just computed.
void ForwardPass::finish_logits(int member) {
  const auto [first, last] = share(panel_count(weights_.output.rows), member);
  const std::size_t begin = first * kPanelRows;
  const std::size_t end = std::min(last * kPanelRows, weights_.output.rows);
  if (begin >= end) return;
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    float* logits = logits_[i];
    for (std::size_t k = begin; config_.logit_scale != 1 && k < end; ++k)
      logits[k] *= config_.logit_scale;
    for (std::size_t k = begin; weights_.output_bias != nullptr && k < end; ++k)
      logits[k] += weights_.output_bias[k];
    if (config_.final_softcap > 0)
      kernels_.softcap(logits + begin, config_.final_softcap, end - begin);
  }
}

void ForwardPass::normalise(int member, const float* weight, const float* bias,
                            std::initializer_list<const PackedMatrix*> consumers) {
  const std::size_t length = size(config_.embedding_length);
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t) {
    if (weight != nullptr)
      kernels_.rms_norm(hidden_[t], weight, config_.rms_epsilon, normed_[t], length);
    for (std::size_t i = 0; bias != nullptr && i < length; ++i) normed_[t][i] += bias[i];
    inputs_.prepare(kernels_, t, weight != nullptr ? normed_[t] : hidden_[t], length, consumers);
  }
}

void ForwardPass::add_branch(int member, const float* bias, const float* post_norm) {
  const std::size_t length = size(config_.embedding_length);
  const auto [begin, end] = share(rows_.size(), member);
  for (std::size_t t = begin; t < end; ++t) {
    float* branch = branch_[t];
    for (std::size_t i = 0; bias != nullptr && i < length; ++i) branch[i] += bias[i];
    if (post_norm != nullptr)
      kernels_.rms_norm(branch, post_norm, config_.rms_epsilon, branch, length);
    for (std::size_t i = 0; config_.residual_scale != 1 && i < length; ++i)
      branch[i] *= config_.residual_scale;
    for (std::size_t i = 0; i < length; ++i) hidden_[t][i] += branch[i];
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
