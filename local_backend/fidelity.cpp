#include "local_backend/fidelity.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "local_backend/runtime/exact_math.h"

namespace pennyweight::llm {
namespace {

// Sums of a quantity and of its square: mean and standard error.
class Moments {
 public:
  void add(double x) {
    ++n_;
    sum_ += x;
    squares_ += x * x;
  }
  std::size_t count() const { return n_; }
  double mean() const { return n_ == 0 ? 0 : sum_ / static_cast<double>(n_); }
  double error() const {
    if (n_ < 2) return 0;
    const double variance = squares_ / static_cast<double>(n_) - mean() * mean();
    return variance > 0 ? std::sqrt(variance / static_cast<double>(n_ - 1)) : 0;
  }

 private:
  std::size_t n_ = 0;
  double sum_ = 0, squares_ = 0;
};

// Natural log of the softmax, in f64; empty when a logit is not a number.
std::vector<double> log_softmax(std::span<const float> logits) {
  const double most = static_cast<double>(*std::ranges::max_element(logits));
  std::vector<double> out(logits.size());
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    out[i] = static_cast<double>(logits[i]) - most;
    sum += exact_math::exp(out[i]);
  }
  if (!std::isfinite(sum)) return {};
  const double log_sum = exact_math::log(sum);
  for (double& x : out) x -= log_sum;
  return out;
}

double probability(double log) {
  return exact_math::exp(log);
}

// What one token of the text and its distributions add.
class Totals {
 public:
  bool add(std::span<const float> logits, Token actual) {
    const auto log = log_softmax(logits);
    if (log.empty()) return false;
    likelihood_.add(-log[static_cast<std::size_t>(actual)]);
    return true;
  }

  Perplexity perplexity(int chunks) const {
    const double value = std::exp(likelihood_.mean());
    return {chunks, likelihood_.count(), value, value * likelihood_.error()};
  }

 private:
  Moments likelihood_;
};

class Comparison {
 public:
  bool add(std::span<const float> reference, std::span<const float> candidate, Token actual) {
    if (!reference_.add(reference, actual) || !candidate_.add(candidate, actual)) return false;
    const auto p = log_softmax(reference), q = log_softmax(candidate);
    double kld = 0;
    for (std::size_t i = 0; i < p.size(); ++i) kld += probability(p[i]) * (p[i] - q[i]);
    kld = std::max(kld, 0.0);  // rounding
    klds_.push_back(kld);
    kld_.add(kld);
    const auto top = [](std::span<const float> row) {
      return std::ranges::max_element(row) - row.begin();
    };
    same_top_.add(top(reference) == top(candidate) ? 1 : 0);
    const auto token = static_cast<std::size_t>(actual);
    const double difference = probability(q[token]) - probability(p[token]);
    squares_.add(difference * difference);
    return true;
  }

  Fidelity result(int chunks) {
    Fidelity out;
    out.reference = reference_.perplexity(chunks);
    out.candidate = candidate_.perplexity(chunks);
    out.mean_kld = kld_.mean();
    out.kld_error = kld_.error();
    std::ranges::sort(klds_);
    const double at = 0.99 * static_cast<double>(klds_.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const auto above = std::min(below + 1, klds_.size() - 1);
    out.p99_kld = klds_[below] + (at - std::floor(at)) * (klds_[above] - klds_[below]);
    out.max_kld = klds_.back();
    out.same_top_rate = same_top_.mean();
    out.same_top_error = same_top_.error();
    out.probability_rms = std::sqrt(squares_.mean());
    return out;
  }

 private:
  Totals reference_, candidate_;
  Moments kld_, same_top_, squares_;
  std::vector<double> klds_;
};

Result<int> count_chunks(const Engine& engine, std::span<const Token> tokens,
                         const FidelityOptions& options) {
  const auto context = static_cast<std::size_t>(options.context);
  if (options.context < 4 || options.context > engine.info().context_limit)
    return fail(ErrorKind::usage, fmt::format("chunks of {} tokens", options.context),
                fmt::format("this model takes 4 to {}", engine.info().context_limit),
                "choose another --ctx");
  if (tokens.size() < context)
    return fail(ErrorKind::invalid_input, fmt::format("the text has {} tokens", tokens.size()),
                fmt::format("one chunk is {}", options.context),
                "give more text, or a smaller --ctx");
  const auto chunks = static_cast<int>(tokens.size() / context);
  return options.most_chunks > 0 ? std::min(chunks, options.most_chunks) : chunks;
}

Error no_numbers(const Engine& engine) {
  return {ErrorKind::io, engine.info().path + ": the logits are not numbers",
          "its weights hold NaN or infinity, or overflow",
          "get the model's file again, or another quantization of it"};
}

std::vector<Token> chunk_of(const Engine& engine, std::span<const Token> tokens, int index,
                            int context) {
  const auto length = static_cast<std::size_t>(context);
  const auto part = tokens.subspan(static_cast<std::size_t>(index) * length, length);
  std::vector<Token> chunk(part.begin(), part.end());
  if (engine.tokenizer().add_bos()) chunk.front() = engine.tokenizer().bos();
  return chunk;
}

// Calls use(row, token that followed) for the second half of the chunk, until it says false.
template <class Use>
bool each_prediction(std::span<const Token> chunk, Use use) {
  for (std::size_t i = chunk.size() / 2; i + 1 < chunk.size(); ++i)
    if (!use(i, chunk[i + 1])) return false;
  return true;
}

std::span<const float> row_of(const std::vector<float>& logits, const Engine& engine,
                              std::size_t row) {
  const auto size = static_cast<std::size_t>(engine.info().vocabulary_size);
  return std::span(logits).subspan(row * size, size);
}

}  // namespace

Result<Perplexity> measure_perplexity(Engine& engine, std::span<const Token> tokens,
                                      const FidelityOptions& options) {
  const auto chunks = count_chunks(engine, tokens, options);
  if (!chunks) return fail(chunks.error());
  Totals totals;
  for (int i = 0; i < *chunks; ++i) {
    const auto chunk = chunk_of(engine, tokens, i, options.context);
    const auto logits = engine.logits(chunk);
    if (!logits) return fail(logits.error());
    const bool numbers = each_prediction(chunk, [&](std::size_t row, Token actual) {
      return totals.add(row_of(*logits, engine, row), actual);
    });
    if (!numbers) return fail(no_numbers(engine));
    if (options.on_chunk) options.on_chunk(i + 1, *chunks);
  }
  return totals.perplexity(*chunks);
}

Result<Fidelity> measure_fidelity(Engine& reference, Engine& candidate,
                                  std::span<const Token> tokens, const FidelityOptions& options) {
  if (reference.info().vocabulary_size != candidate.info().vocabulary_size)
    return fail(ErrorKind::invalid_input,
                fmt::format("vocabularies of {} and {} tokens", reference.info().vocabulary_size,
                            candidate.info().vocabulary_size),
                "their distributions cannot be compared",
                "compare a quantised model with the one that it was made from");
  const auto chunks = count_chunks(candidate, tokens, options);
  if (!chunks) return fail(chunks.error());
  Comparison comparison;
  for (int i = 0; i < *chunks; ++i) {
    const auto chunk = chunk_of(candidate, tokens, i, options.context);
    const auto expected = reference.logits(chunk), actual = candidate.logits(chunk);
    if (!expected) return fail(expected.error());
    if (!actual) return fail(actual.error());
    const bool numbers = each_prediction(chunk, [&](std::size_t row, Token next) {
      return comparison.add(row_of(*expected, reference, row), row_of(*actual, candidate, row),
                            next);
    });
    if (!numbers) return fail(no_numbers(candidate));
    if (options.on_chunk) options.on_chunk(i + 1, *chunks);
  }
  return comparison.result(*chunks);
}

}  // namespace pennyweight::llm
