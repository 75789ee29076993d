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

TEST_CASE("penalties follow their formula, on the tokens of the window alone") {
  SamplingParams params;
  params.penalty_last_n = 3;
  const std::vector<float> logits{2, 1.5f, -1, -1.2f};
  const auto greedy = [&](const std::vector<Token>& history, std::vector<float> l) {
    return Sampler(params).sample(l, 0, history).token;
  };
  params.repeat_penalty = 2;  // 2 / 2 < 1.5, but not outside the window
  CHECK(greedy({0}, logits) == 1);
  CHECK(greedy({0, 3, 3, 3}, logits) == 0);
  CHECK(greedy({2}, {-5, -5, -1, -1.2f}) == 3);  // -1 * 2
  params.repeat_penalty = 1;
  params.frequency_penalty = 0.3f;
  CHECK(greedy({0}, logits) == 0);     // 2 - 0.3
  CHECK(greedy({0, 0}, logits) == 1);  // 2 - 0.6
  params.frequency_penalty = 0;
  params.presence_penalty = 0.4f;
  CHECK(greedy({0, 0, 0}, logits) == 0);  // once, however often
  params.presence_penalty = 0.6f;
  CHECK(greedy({0}, logits) == 1);
  params.penalty_last_n = 0;
  CHECK(greedy({0}, logits) == 0);
  params.penalty_last_n = -1;
  CHECK(greedy({0, 3, 3, 3, 3}, logits) == 1);
}

TEST_CASE("a bias is added to its token's logit, and the log-probability stays the model's") {
  SamplingParams params;
  params.logit_bias = {{1, 5.0f}};
  const auto logits = logits_of({0.7, 0.2, 0.1});
  const Sampled sampled = Sampler(params).sample(logits, 0);
  CHECK(sampled.token == 1);
  CHECK(sampled.logprob == Approx(std::log(0.2)));
  params.logit_bias = {{0, -100.0f}};
  params.temperature = 1;
  CHECK(kept(params, logits) == std::set<Token>{1, 2});
}

TEST_CASE("with the temperature first, top-p and min-p see what it makes of the probabilities") {
  const auto logits = logits_of({0.8, 0.2});  // 2/3 and 1/3 at temperature 2
  SamplingParams params = sampling(2, 0, 0.7f);
  CHECK(kept(params, logits) == std::set<Token>{0});
  params.temperature_first = true;
  CHECK(kept(params, logits) == std::set<Token>{0, 1});
  params = sampling(2, 0, 1, 0.4f);
  CHECK(kept(params, logits) == std::set<Token>{0});
  params.temperature_first = true;
  CHECK(kept(params, logits) == std::set<Token>{0, 1});
}

class Legal final : public LegalTokens {
 public:
  explicit Legal(std::vector<bool> legal) : legal_(std::move(legal)) {}
  bool allows(Token token) override { return legal_[static_cast<std::size_t>(token)]; }
  const std::vector<bool>& all() override { return legal_; }

 private:
  std::vector<bool> legal_;
};

TEST_CASE("among legal tokens each is drawn as its share of the legal probability says") {
  const auto logits = logits_of({0.5, 0.1, 0.05, 0.15, 0.2});
  Legal legal({false, true, true, true, false});
  Sampler sampler(sampling(1));
  std::map<Token, int> counts;
  for (std::uint64_t i = 0; i < 30'000; ++i) ++counts[sampler.sample(logits, i, {}, &legal).token];
  CHECK(counts.size() == 3);
  CHECK(counts.at(1) == Approx(10'000).margin(300));
  CHECK(counts.at(2) == Approx(5'000).margin(300));
  CHECK(counts.at(3) == Approx(15'000).margin(300));
}

TEST_CASE("a legal draw is the plain one, and greedy is the best legal token") {
  const auto logits = logits_of({0.5, 0.1, 0.05, 0.15, 0.2});
  Legal legal({true, false, true, false, true});
  Sampler plain(sampling(1)), bound(sampling(1));
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Token token = plain.sample(logits, i).token;
    if (legal.allows(token)) CHECK(bound.sample(logits, i, {}, &legal).token == token);
  }
  Legal tail({false, true, true, false, false});
  CHECK(Sampler(sampling(0)).sample(logits, 0, {}, &tail).token == 1);
  CHECK(Sampler(sampling(0)).sample(logits, 0, {}, &tail).logprob == Approx(std::log(0.1)));
}

TEST_CASE("where the filters kept nothing legal, the legal tokens pass them instead") {
  std::vector<double> probabilities{0.4, 0.3, 0.2, 0.06, 0.04};
  Legal legal({false, false, false, true, true});
  Sampler sampler(sampling(1, 2));
  std::map<Token, int> counts;
  for (std::uint64_t i = 0; i < 10'000; ++i)
    ++counts[sampler.sample(logits_of(probabilities), i, {}, &legal).token];
  CHECK(counts.at(3) == Approx(6'000).margin(250));
  CHECK(counts.at(4) == Approx(4'000).margin(250));
  // However far below the others.
  CHECK(Sampler(sampling(1))
            .sample(std::vector<float>{900, 900, 900, -900, -900}, 0, {}, &legal)
            .token >= 3);
  Legal none({false, false, false, false, false});
  CHECK(Sampler(sampling(1)).sample(logits_of(probabilities), 0, {}, &none).token == -1);
  CHECK(Sampler(sampling(0)).sample(logits_of(probabilities), 0, {}, &none).token == -1);
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
