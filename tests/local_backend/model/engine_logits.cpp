#include "tests/local_backend/model/engine_logits.h"

#include <algorithm>
#include <cmath>

#include "metrics/base/random.h"
#include "tests/test.h"

namespace pennyweight::llm::test {

std::vector<StepRow> step_rows(std::span<const Token> tokens, std::size_t position,
                               const KvSequence& history, std::size_t wanted) {
  std::vector<StepRow> rows;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    rows.push_back({tokens[i], position + i, &history, i + wanted >= tokens.size()});
  return rows;
}

std::vector<float> engine_logits(const std::filesystem::path& path,
                                 const std::vector<Token>& tokens, const Setup& setup,
                                 int context) {
  const auto file = GgufFile::open(path);
  REQUIRE(file);
  const auto config = read_model_config(*file);
  INFO((config ? "" : config.error().what));
  REQUIRE(config);
  ThreadTeam team(setup.threads);
  const auto weights = load_weights(*file, *config, context, team);
  INFO((weights ? "" : weights.error().what));
  REQUIRE(weights);
  auto pool = KvPool::make(*config, tokens.size());
  REQUIRE(pool);
  KvSequence history(*pool);
  REQUIRE(history.reserve(tokens.size()));
  ForwardPass forward(*config, *weights, *kernels(setup.kernels), team, setup.chunk);
  std::vector<float> out;
  for (std::size_t at = 0; at < tokens.size(); at += setup.chunk) {
    const std::size_t n = std::min(setup.chunk, tokens.size() - at);
    REQUIRE(forward.run(step_rows(std::span(tokens).subspan(at, n), at, history, n), {}));
    for (std::size_t i = 0; i < n; ++i)
      out.insert(out.end(), forward.logits(i).begin(), forward.logits(i).end());
  }
  return out;
}

std::vector<Token> some_tokens(std::size_t n, int vocabulary, std::uint64_t seed) {
  Random random(seed, Stream::selection);
  std::vector<Token> tokens(n);
  for (Token& t : tokens)
    t = static_cast<Token>(random.below(static_cast<std::uint64_t>(vocabulary)));
  return tokens;
}

Difference relative_difference(const std::vector<float>& engine,
                               const std::vector<std::vector<double>>& reference) {
  Difference d;
  double most = 0, squares = 0;
  std::size_t i = 0;
  for (const auto& row : reference) {
    d.rows.push_back(0);
    for (double expected : row) {
      const double one = std::fabs(static_cast<double>(engine.at(i++)) - expected);
      d.rows.back() = std::max(d.rows.back(), one);
      squares += one * one;
      most = std::max(most, std::fabs(expected));
    }
  }
  REQUIRE(i == engine.size());
  REQUIRE(most > 0.5);
  for (double& row : d.rows) row /= most;
  std::ranges::sort(d.rows);
  d.largest = d.rows.back();
  d.typical = std::sqrt(squares / static_cast<double>(i)) / most;
  return d;
}

}  // namespace pennyweight::llm::test
