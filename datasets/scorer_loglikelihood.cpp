#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "datasets/scorer_parts.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

constexpr std::string_view kName = "loglikelihood";
constexpr std::size_t kMostChoices = 1000;  // each target is compared with each

// The place in `choices` that a target means: its text, else its letter.
std::optional<std::size_t> place_of(const std::string& target,
                                    const std::vector<std::string>& choices) {
  const auto same = std::find(choices.begin(), choices.end(), target);
  if (same != choices.end()) return static_cast<std::size_t>(same - choices.begin());
  if (target.size() != 1 || target[0] < 'A') return std::nullopt;
  const auto letter = static_cast<std::size_t>(target[0] - 'A');
  return letter < choices.size() ? std::optional(letter) : std::nullopt;
}

std::optional<double> number_of(const Value& value) {
  if (value.real() != nullptr) return *value.real();
  if (value.integer() != nullptr) return static_cast<double>(*value.integer());
  return std::nullopt;
}

// As lm-evaluation-harness counts: acc, acc_norm (code points of the choice without its delimiter)
// and acc_bytes. Of equals the first is chosen.
class LogLikelihood final : public Scorer {
 public:
  explicit LogLikelihood(ObjectReader& p)
      : norm_(p.one_of("norm", {"none", "bytes", "code_points"})) {
    p.allow({"norm"});
    signature_ = fmt::format("{}{}|v1", kName, norm_ == "none" ? "" : "|norm:" + norm_);
  }

  const std::string& signature() const override { return signature_; }

  Result<void> check(const std::vector<std::string>& targets,
                     const std::vector<std::string>& choices) const override {
    if (choices.size() < 2) {
      return fail(ErrorKind::invalid_input, "loglikelihood compares choices",
                  fmt::format("the row has {}", choices.size()), "give at least two \"choices\"");
    }
    if (std::max(choices.size(), targets.size()) > kMostChoices) {
      return fail(ErrorKind::invalid_input,
                  fmt::format("{} choices and {} targets", choices.size(), targets.size()),
                  fmt::format("{} reads at most {} of each", kName, kMostChoices), "give fewer");
    }
    if (std::find(choices.begin(), choices.end(), "") != choices.end()) {
      return fail(ErrorKind::invalid_input, "a choice is empty", "nothing is as likely as nothing",
                  "fill it, or leave it out");
    }
    for (const std::string& target : targets) {
      if (place_of(target, choices)) continue;
      return fail(ErrorKind::invalid_input,
                  fmt::format("target \"{}\" does not fit {}", printable(target), kName),
                  "it must be the text of a choice, or its letter");
    }
    return {};
  }

  Score score(std::string_view answer, const std::vector<std::string>& targets,
              const std::vector<std::string>& choices) const override {
    const auto json = parse_json(answer);
    const Value* found = json ? json->find(kName) : nullptr;
    const Value::List* sums = found != nullptr ? found->list() : nullptr;
    if (sums == nullptr || sums->size() != choices.size() || choices.empty()) return {0, false, {}};
    std::size_t best = 0;
    double highest = -INFINITY;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const auto sum = number_of((*sums)[i]);
      if (!sum) return {0, false, {}};
      const double value = *sum / length_of(choices[i]);
      if (value <= highest) continue;
      highest = value;
      best = i;
    }
    const bool right = std::any_of(targets.begin(), targets.end(), [&](const std::string& target) {
      return place_of(target, choices) == best;
    });
    return {right ? 1.0 : 0.0, true, choices[best]};
  }

 private:
  double length_of(const std::string& choice) const {
    if (norm_ == "none") return 1;
    return static_cast<double>(norm_ == "bytes" ? choice.size() : code_point_count(choice));
  }

  std::string norm_, signature_;
};

}  // namespace

bool asks_likelihood(const ScorerSpec& spec) {
  return spec.name == kName;
}

std::string likelihood_answer(const std::vector<double>& log_likelihoods,
                              const std::vector<int>& tokens) {
  Value out;
  out.set(std::string(kName), Value::List(log_likelihoods.begin(), log_likelihoods.end()));
  out.set("tokens", Value::List(tokens.begin(), tokens.end()));
  return to_json(out);
}

std::unique_ptr<Scorer> make_loglikelihood(ObjectReader& parameters) {
  return std::make_unique<LogLikelihood>(parameters);
}

}  // namespace pennyweight
