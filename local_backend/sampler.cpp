#include "local_backend/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "local_backend/runtime/exact_math.h"
#include "metrics/base/random.h"

namespace pennyweight::llm {
namespace {

using Scored = std::pair<float, Token>;

// Probability relative to that of the highest logit; right for infinite ones too.
double weight(float logit, float highest, double temperature = 1) {
  if (logit == highest) return 1;
  return exact_math::exp((static_cast<double>(logit) - static_cast<double>(highest)) / temperature);
}

bool counts(float logit) {
  return logit > -std::numeric_limits<float>::infinity();
}  // no NaN does

bool more_likely(const Scored& a, const Scored& b) {
  return a.first > b.first || (a.first == b.first && a.second < b.second);
}
bool less_likely(const Scored& a, const Scored& b) {
  return more_likely(b, a);
}
bool lower_id(const Scored& a, const Scored& b) {
  return a.second < b.second;
}

double log_sum(std::span<const float> logits, float highest) {
  double sum = 0;
  for (const float logit : logits) {
    if (counts(logit)) sum += weight(logit, highest);
  }
  return exact_math::log(sum);
}

// The first of the highest logits; -1 when none is a number.
Token best_of(std::span<const float> logits) {
  Token best = -1;
  float highest = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (counts(logits[i]) && (best == -1 || logits[i] > highest)) {
      highest = logits[i];
      best = static_cast<Token>(i);
    }
  }
  return best;
}

float relative_log(float logit, float highest, double sum) {
  if (!counts(logit)) return -std::numeric_limits<float>::infinity();
  const double above = logit == highest ? 0 : static_cast<double>(logit) - highest;
  return static_cast<float>(above - sum);
}

}  // namespace

float log_probability(std::span<const float> logits, Token token) {
  const Token best = best_of(logits);
  if (best == -1) return -std::numeric_limits<float>::infinity();
  const float highest = logits[static_cast<std::size_t>(best)];
  return relative_log(logits[static_cast<std::size_t>(token)], highest, log_sum(logits, highest));
}

std::vector<Candidate> likeliest(std::span<const float> logits, int n) {
  if (n <= 0) return {};
  std::vector<Scored> all;
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (counts(logits[i])) all.emplace_back(logits[i], static_cast<Token>(i));
  const auto size = std::min(all.size(), static_cast<std::size_t>(n));
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(size);
  std::partial_sort(all.begin(), end, all.end(), more_likely);
  std::vector<Candidate> top;
  if (size == 0) return top;
  const float highest = all.front().first;
  const double sum = log_sum(logits, highest);
  for (auto it = all.begin(); it != end; ++it)
    top.push_back({it->second, relative_log(it->first, highest, sum)});
  return top;
}

Sampled Sampler::sample(std::span<const float> logits, std::uint64_t position,
                        std::span<const Token> history, LegalTokens* legal) {
  const Token best = best_of(logits);
  if (best == -1) return {};
  const auto used = adjusted(logits, history);
  const Token token = params_.temperature > 0 ? drawn(used, position, legal) : greedy(used, legal);
  if (token == -1) return {};
  const float highest = logits[static_cast<std::size_t>(best)];
  const float logit = logits[static_cast<std::size_t>(token)];
  return {token, relative_log(logit, highest, log_sum(logits, highest))};
}

std::span<const float> Sampler::adjusted(std::span<const float> logits,
                                         std::span<const Token> history) {
  const bool penalizes = params_.repeat_penalty != 1 || params_.frequency_penalty != 0 ||
                         params_.presence_penalty != 0;
  if (!penalizes && params_.logit_bias.empty()) return logits;
  adjusted_.assign(logits.begin(), logits.end());
  if (penalizes && params_.penalty_last_n >= 0)
    history =
        history.last(std::min(history.size(), static_cast<std::size_t>(params_.penalty_last_n)));
  std::map<Token, int> counts;
  if (penalizes)
    for (const Token token : history) ++counts[token];
  for (const auto& [token, count] : counts) {
    float& logit = adjusted_[static_cast<std::size_t>(token)];
    logit = logit > 0 ? logit / params_.repeat_penalty : logit * params_.repeat_penalty;
    logit -= static_cast<float>(count) * params_.frequency_penalty;
    logit -= params_.presence_penalty;
  }
  for (const auto& [token, bias] : params_.logit_bias)
    adjusted_[static_cast<std::size_t>(token)] += bias;
  return adjusted_;
}

Token Sampler::greedy(std::span<const float> logits, LegalTokens* legal) const {
  Token best = best_of(logits);
  if (best == -1 || legal == nullptr || legal->allows(best)) return best;
  const std::vector<bool>& all = legal->all();
  best = -1;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!all[i] || !counts(logits[i])) continue;
    if (best == -1 || logits[i] > logits[static_cast<std::size_t>(best)])
      best = static_cast<Token>(i);
  }
  return best;
}

Token Sampler::drawn(std::span<const float> logits, std::uint64_t position, LegalTokens* legal) {
  Random random(params_.seed, Stream::sampling, position);
  gather(logits);
  filter();
  const Token token = draw(random.uniform());
  if (token == -1 || legal == nullptr || legal->allows(token)) return token;
  keep_legal(*legal);
  if (candidates_.empty()) {
    gather(logits);
    keep_legal(*legal);
    filter();
  }
  return draw(random.uniform());
}

void Sampler::filter() {
  keep_top_k();
  keep_top_p();
  keep_min_p();
}

// Few are asked about one by one.
void Sampler::keep_legal(LegalTokens& legal) {
  constexpr std::size_t kFew = 64;
  if (candidates_.size() <= kFew) {
    std::erase_if(candidates_, [&](const Scored& c) { return !legal.allows(c.second); });
  } else {
    const std::vector<bool>& all = legal.all();
    std::erase_if(candidates_,
                  [&](const Scored& c) { return !all[static_cast<std::size_t>(c.second)]; });
  }
  // What was far below the highest must not vanish now.
  const auto best = std::ranges::max_element(candidates_, {}, &Scored::first);
  if (best != candidates_.end()) highest_ = best->first;
}

void Sampler::gather(std::span<const float> logits) {
  candidates_.clear();
  const Token best = best_of(logits);
  if (best != -1) highest_ = logits[static_cast<std::size_t>(best)];
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (counts(logits[i])) candidates_.emplace_back(logits[i], static_cast<Token>(i));
  }
}

void Sampler::keep_top_k() {
  if (params_.top_k <= 0 || static_cast<std::size_t>(params_.top_k) >= candidates_.size()) return;
  const auto end = candidates_.begin() + params_.top_k;
  std::nth_element(candidates_.begin(), end, candidates_.end(), more_likely);
  candidates_.erase(end, candidates_.end());
  std::sort(candidates_.begin(), candidates_.end(), lower_id);
}

// Takes the likeliest from a heap until they are enough: seldom many, whatever the vocabulary.
void Sampler::keep_top_p() {
  if (!(params_.top_p < 1)) return;
  const double temperature = params_.temperature_first ? params_.temperature : 1;
  double total = 0;
  for (const auto& candidate : candidates_) total += weight(candidate.first, highest_, temperature);
  std::make_heap(candidates_.begin(), candidates_.end(), less_likely);
  double taken = 0;
  auto heap_end = candidates_.end();
  do {
    std::pop_heap(candidates_.begin(), heap_end, less_likely);
    --heap_end;
    taken += weight(heap_end->first, highest_, temperature);
  } while (heap_end != candidates_.begin() && taken < static_cast<double>(params_.top_p) * total);
  candidates_.erase(candidates_.begin(), heap_end);
  std::sort(candidates_.begin(), candidates_.end(), lower_id);
}

void Sampler::keep_min_p() {
  if (!(params_.min_p > 0)) return;
  const double least = std::min(1.0, static_cast<double>(params_.min_p));
  const double temperature = params_.temperature_first ? params_.temperature : 1;
  std::erase_if(candidates_,
                [&](const auto& c) { return weight(c.first, highest_, temperature) < least; });
}

Token Sampler::draw(double u) const {
  const double temperature = params_.temperature;
  double total = 0;
  for (const auto& candidate : candidates_) total += weight(candidate.first, highest_, temperature);
  const double target = u * total;
  double passed = 0;
  Token token = -1;
  for (const auto& candidate : candidates_) {
    const double share = weight(candidate.first, highest_, temperature);
    if (share == 0) continue;
    token = candidate.second;
    passed += share;
    if (passed > target) break;
  }
  return token;
}

}  // namespace pennyweight::llm
