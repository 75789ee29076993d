#include "local_backend/sampler.h"

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "metrics/base/random.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNaN = std::nanf("");

// Logits of these probabilities.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

std::map<Token, int> histogram(const SamplingParams& params, const std::vector<float>& logits,
                               int draws) {
  Sampler sampler(params);
  std::map<Token, int> counts;
  for (int i = 0; i < draws; ++i) {
    ++counts[sampler.sample(logits, static_cast<std::uint64_t>(i)).token];
  }
  return counts;
}

std::set<Token> kept(const SamplingParams& params, const std::vector<float>& logits) {
  std::set<Token> tokens;
  for (const auto& [token, count] : histogram(params, logits, 2000)) tokens.insert(token);
  return tokens;
}

SamplingParams sampling(float temperature, int top_k = 0, float top_p = 1, float min_p = 0) {
  SamplingParams params;
  params.temperature = temperature;
  params.top_k = top_k;
  params.top_p = top_p;
  params.min_p = min_p;
  return params;
}

TEST_CASE("greedy takes the highest logit, of equal ones the lowest id") {
  Sampler greedy{SamplingParams{}};
  CHECK(greedy.sample(std::vector<float>{1, 3, 2, 3}, 0).token == 1);
  CHECK(greedy.sample(std::vector<float>{-5, -kInfinity, -4}, 0).token == 2);
  SamplingParams cold;
  cold.temperature = -1;
  CHECK(Sampler(cold).sample(std::vector<float>{1, 3, 2}, 0).token == 1);
  cold.temperature = kNaN;
  CHECK(Sampler(cold).sample(std::vector<float>{1, 3, 2}, 0).token == 1);
}

TEST_CASE("NaN counts as minus infinity, and nothing but such gives no token") {
  for (const float temperature : {0.0f, 1.0f}) {
    Sampler sampler(sampling(temperature));
    CHECK(sampler.sample(std::vector<float>{kNaN, 1, kNaN}, 0).token == 1);
    CHECK(sampler.sample(std::vector<float>{kNaN, 1, kNaN}, 0).logprob == 0);
    CHECK(sampler.sample(std::vector<float>{kNaN, -kInfinity}, 0).token == -1);
    CHECK(sampler.sample(std::vector<float>{}, 0).token == -1);
    const Sampled infinite = sampler.sample(std::vector<float>{0, kInfinity, kInfinity}, 3);
    CHECK(infinite.token >= 1);
    CHECK(infinite.logprob == Approx(-std::log(2.0)));
  }
}

TEST_CASE("the log-probability is that of the raw logits, whatever the sampling") {
  const auto logits = logits_of({0.1, 0.6, 0.3});
  CHECK(Sampler(sampling(0)).sample(logits, 0).logprob == Approx(std::log(0.6)));
  Sampler narrow(sampling(0.1f, 2, 0.5f));
  for (std::uint64_t i = 0; i < 20; ++i) {
    CHECK(narrow.sample(logits, i).logprob == Approx(std::log(0.6)));
  }
  const std::vector<float> high{1000, 1001}, low{-1000, -1001};
  CHECK(Sampler(sampling(0)).sample(high, 0).logprob == Approx(-std::log(1 + std::exp(-1.0))));
  CHECK(Sampler(sampling(0)).sample(low, 0).logprob == Approx(-std::log(1 + std::exp(-1.0))));
}

TEST_CASE("temperature one draws each token as often as its probability says") {
  const auto counts = histogram(sampling(1), logits_of({0.5, 0.2, 0.3}), 20'000);
  CHECK(counts.at(0) == Approx(10'000).margin(300));
  CHECK(counts.at(1) == Approx(4'000).margin(300));
  CHECK(counts.at(2) == Approx(6'000).margin(300));
}

TEST_CASE("temperature two draws by the square root of the probabilities") {
  const auto counts = histogram(sampling(2), logits_of({0.8, 0.2}), 20'000);
  CHECK(counts.at(0) == Approx(20'000 * 2 / 3.0).margin(300));
}

TEST_CASE("each filter keeps what it promises") {
  const auto logits = logits_of({0.05, 0.4, 0.25, 0.2, 0.1});
  CHECK(kept(sampling(1), logits) == std::set<Token>{0, 1, 2, 3, 4});
  CHECK(kept(sampling(1, 2), logits) == std::set<Token>{1, 2});
  CHECK(kept(sampling(1, 99), logits) == std::set<Token>{0, 1, 2, 3, 4});
  // The token that crosses top_p is included, and one is always kept.
  CHECK(kept(sampling(1, 0, 0.5f), logits) == std::set<Token>{1, 2});
  CHECK(kept(sampling(1, 0, 0.66f), logits) == std::set<Token>{1, 2, 3});
  CHECK(kept(sampling(1, 0, 0), logits) == std::set<Token>{1});
  CHECK(kept(sampling(1, 0, 1, 0.45f), logits) == std::set<Token>{1, 2, 3});
  CHECK(kept(sampling(1, 0, 1, 7), logits) == std::set<Token>{1});
  // top_p counts what top_k left: 0.4 of 0.65.
  CHECK(kept(sampling(1, 2, 0.6f), logits) == std::set<Token>{1});
  // Filters come before the temperature: heat does not widen them.
  CHECK(kept(sampling(50, 0, 0.5f), logits) == std::set<Token>{1, 2});
}

TEST_CASE("of equal logits the filters keep the lowest ids") {
  const std::vector<float> logits(6, 1.0f);
  CHECK(kept(sampling(1, 2), logits) == std::set<Token>{0, 1});
  CHECK(kept(sampling(1, 0, 0.49f), logits) == std::set<Token>{0, 1, 2});
}

TEST_CASE("the same seed, position and logits draw the same token in any sampler") {
  Random random(3, Stream::synthesis);
  std::vector<float> logits(1000);
  for (float& l : logits) l = static_cast<float>(3 * random.normal());
  SamplingParams params = sampling(0.9f, 40, 0.95f, 0.01f);
  params.seed = 11;
  Sampler used(params);
  std::vector<Token> forward, backward;
  for (std::uint64_t i = 0; i < 50; ++i) forward.push_back(used.sample(logits, i).token);
  for (std::uint64_t i = 50; i-- > 0;) backward.push_back(Sampler(params).sample(logits, i).token);
  CHECK(forward == std::vector<Token>(backward.rbegin(), backward.rend()));
  CHECK(std::set<Token>(forward.begin(), forward.end()).size() > 5);
  params.seed = 12;
  Sampler other(params);
  std::vector<Token> others;
  for (std::uint64_t i = 0; i < 50; ++i) others.push_back(other.sample(logits, i).token);
  CHECK(others != forward);
}

TEST_CASE("draws are pinned, so that no change of ours moves a stored answer") {
  std::vector<float> logits(64);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i % 7) * 0.5f;
  SamplingParams params = sampling(1, 0, 0.9f);
  params.seed = 42;
  Sampler sampler(params);
  std::vector<Token> tokens;
  for (std::uint64_t i = 0; i < 8; ++i) tokens.push_back(sampler.sample(logits, i).token);
  CHECK(tokens == std::vector<Token>{19, 48, 20, 6, 46, 19, 54, 6});
}

}  // namespace
}  // namespace pennyweight::test
