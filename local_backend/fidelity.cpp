#include "local_backend/fidelity.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
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

// Log-probabilities of one token's successors, and the likeliest of them.
struct Distribution {
  std::vector<double> log;
  std::size_t top = 0;
};

Distribution distribution_of(std::span<const float> logits) {
  const auto top = std::ranges::max_element(logits) - logits.begin();
  return {log_softmax(logits), static_cast<std::size_t>(top)};
}

// How far below its largest a saved row reaches where its least is not lifted.
constexpr float kFloorDepth = 15.99f;

// Of saved ones, which are log-probabilities. They sum to 1 but for their rounding, which is taken
// out: it would count for more than what two engines differ by. Where the unlikely ones were lifted
// to a floor they sum to more, and are taken as they are.
Distribution saved_distribution(std::span<const float> saved) {
  if (!std::ranges::all_of(saved, [](float x) { return std::isfinite(x); })) return {};
  const auto [least, most] = std::ranges::minmax(saved);
  if (most - least < kFloorDepth) return distribution_of(saved);
  const auto top = std::ranges::max_element(saved) - saved.begin();
  return {{saved.begin(), saved.end()}, static_cast<std::size_t>(top)};
}

class Totals {
 public:
  void add(const Distribution& distribution, Token actual) {
    likelihood_.add(-distribution.log[static_cast<std::size_t>(actual)]);
  }

  Perplexity perplexity(int chunks) const {
    const double value = std::exp(likelihood_.mean());
    return {chunks, likelihood_.count(), value, value * likelihood_.error()};
  }

 private:
  Moments likelihood_;
};

// Below it a term adds nothing that can be seen, and saved distributions have their floor.
constexpr double kLeastLog = -16;

class Comparison {
 public:
  void add(const Distribution& reference, const Distribution& candidate, Token actual) {
    reference_.add(reference, actual);
    candidate_.add(candidate, actual);
    const auto &p = reference.log, &q = candidate.log;
    double kld = 0;
    for (std::size_t i = 0; i < p.size(); ++i)
      if (p[i] > kLeastLog) kld += probability(p[i]) * (p[i] - q[i]);
    kld = std::max(kld, 0.0);  // rounding
    klds_.push_back(kld);
    kld_.add(kld);
    same_top_.add(reference.top == candidate.top ? 1 : 0);
    const auto token = static_cast<std::size_t>(actual);
    const double difference = probability(q[token]) - probability(p[token]);
    squares_.add(difference * difference);
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
  if (options.context < 4 || options.context > engine.info().context_tokens)
    return fail(
        ErrorKind::usage, fmt::format("chunks of {} tokens", options.context),
        fmt::format("{} is open for 4 to {}", engine.info().path, engine.info().context_tokens),
        "choose another --ctx");
  if (tokens.size() < context)
    return fail(ErrorKind::invalid_input, fmt::format("the text has {} tokens", tokens.size()),
                fmt::format("one chunk is {}", options.context),
                "give more text, or a smaller --ctx");
  const auto chunks = static_cast<int>(tokens.size() / context);
  return options.most_chunks > 0 ? std::min(chunks, options.most_chunks) : chunks;
}

Error other_vocabulary(int reference, int candidate) {
  return {ErrorKind::invalid_input,
          fmt::format("vocabularies of {} and {} tokens", reference, candidate),
          "their distributions cannot be compared",
          "compare a quantised model with the one that it was made from"};
}

Error no_numbers(const std::string& path) {
  return {ErrorKind::invalid_input, path + ": the logits are not numbers",
          "what made them holds NaN or infinity, or overflows",
          "get the file again, or another quantization of the model"};
}

std::vector<Token> chunk_of(const Engine& engine, std::span<const Token> tokens, int index,
                            int context) {
  const auto length = static_cast<std::size_t>(context);
  const auto part = tokens.subspan(static_cast<std::size_t>(index) * length, length);
  std::vector<Token> chunk(part.begin(), part.end());
  if (engine.tokenizer().add_bos()) chunk.front() = engine.tokenizer().bos();
  return chunk;
}

// The second half of each chunk is predicted, but for the token behind its end.
std::size_t first_row(int context) {
  return static_cast<std::size_t>(context) / 2;
}

// Calls use(row, distribution, token that followed).
template <class Use>
Result<void> each_prediction(Engine& engine, std::span<const Token> chunk, Use use) {
  bool numbers = true;
  auto done = engine.logits(chunk.first(chunk.size() - 1), chunk.size() / 2,
                            [&](std::size_t row, std::span<const float> logits) {
                              if (!numbers) return;
                              const Distribution distribution = distribution_of(logits);
                              numbers = !distribution.log.empty();
                              if (numbers) use(row, distribution, chunk[row + 1]);
                            });
  if (done && !numbers) return fail(no_numbers(engine.info().path));
  return done;
}

}  // namespace

Result<Perplexity> measure_perplexity(Engine& engine, std::span<const Token> tokens,
                                      const FidelityOptions& options) {
  const auto chunks = count_chunks(engine, tokens, options);
  if (!chunks) return fail(chunks.error());
  Totals totals;
  for (int i = 0; i < *chunks; ++i) {
    const auto chunk = chunk_of(engine, tokens, i, options.context);
    auto added = each_prediction(
        engine, chunk,
        [&](std::size_t, const Distribution& d, Token next) { totals.add(d, next); });
    if (!added) return fail(std::move(added).error());
    if (options.on_chunk) options.on_chunk(i + 1, *chunks);
  }
  return totals.perplexity(*chunks);
}

Result<Fidelity> measure_fidelity(Engine& reference, Engine& candidate,
                                  std::span<const Token> tokens, const FidelityOptions& options) {
  if (reference.info().vocabulary_size != candidate.info().vocabulary_size)
    return fail(
        other_vocabulary(reference.info().vocabulary_size, candidate.info().vocabulary_size));
  const auto chunks = count_chunks(candidate, tokens, options);
  if (!chunks) return fail(chunks.error());
  Comparison comparison;
  std::vector<std::vector<float>> expected;  // of one chunk
  for (int i = 0; i < *chunks; ++i) {
    const auto chunk = chunk_of(candidate, tokens, i, options.context);
    const std::size_t first = first_row(options.context);
    expected.clear();
    auto read = reference.logits(std::span(chunk).first(chunk.size() - 1), first,
                                 [&](std::size_t, std::span<const float> row) {
                                   expected.emplace_back(row.begin(), row.end());
                                 });
    if (!read) return fail(std::move(read).error());
    bool numbers = true;
    auto added =
        each_prediction(candidate, chunk, [&](std::size_t row, const Distribution& d, Token next) {
          const Distribution wanted = distribution_of(expected[row - first]);
          numbers = numbers && !wanted.log.empty();
          if (numbers) comparison.add(wanted, d, next);
        });
    if (!added) return fail(std::move(added).error());
    if (!numbers) return fail(no_numbers(reference.info().path));
    if (options.on_chunk) options.on_chunk(i + 1, *chunks);
  }
  return comparison.result(*chunks);
}

Result<Fidelity> measure_fidelity(const SavedLogits& reference, Engine& candidate,
                                  const FidelityOptions& options) {
  if (reference.vocabulary_size() != candidate.info().vocabulary_size)
    return fail(other_vocabulary(reference.vocabulary_size(), candidate.info().vocabulary_size));
  FidelityOptions own = options;
  own.context = reference.context();
  const auto chunks = count_chunks(candidate, reference.tokens(), own);
  if (!chunks) return fail(chunks.error());
  Comparison comparison;
  for (int i = 0; i < *chunks; ++i) {
    const auto chunk = chunk_of(candidate, reference.tokens(), i, own.context);
    std::optional<Error> error;
    auto added =
        each_prediction(candidate, chunk, [&](std::size_t row, const Distribution& d, Token next) {
          if (error) return;
          const auto expected = reference.log_probabilities(i, row);
          if (!expected) error = expected.error();
          if (error) return;
          const Distribution wanted = saved_distribution(*expected);
          if (wanted.log.empty()) error = no_numbers(reference.path().string());
          if (!error) comparison.add(wanted, d, next);
        });
    if (!added) return fail(std::move(added).error());
    if (error) return fail(*std::move(error));
    if (options.on_chunk) options.on_chunk(i + 1, *chunks);
  }
  return comparison.result(*chunks);
}

}  // namespace pennyweight::llm
