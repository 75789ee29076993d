// From an answer to a score: pure functions with exact definitions (docs/scorers.md) and a version.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/task_set.h"
#include "metrics/base/result.h"

namespace pennyweight {

struct Score {
  double value = 0;       // 0..1
  bool parsed = true;     // false: the extractor found nothing; scored 0, counted as unparsed
  std::string extracted;  // what was compared
};

// Immutable: any thread.
class Scorer {
 public:
  virtual ~Scorer() = default;
  // "mc_letter|rule:last|nfc:yes|v1". The version goes up when any expected value changes.
  virtual const std::string& signature() const = 0;
  // Whether these targets can be right at all: a numeric_close target is a number.
  virtual Result<void> check(const std::vector<std::string>& targets,
                             const std::vector<std::string>& choices) const = 0;
  virtual Score score(std::string_view answer, const std::vector<std::string>& targets,
                      const std::vector<std::string>& choices) const = 0;
};

// Whether its answers are log-likelihoods of the row's choices, as likelihood_answer writes them.
bool asks_likelihood(const ScorerSpec& spec);
// The answer to such a task: for each continuation the natural log of its probability after the
// prompt, and its tokens. A scorer, and whoever reads the store, finds both.
std::string likelihood_answer(const std::vector<double>& log_likelihoods,
                              const std::vector<int>& tokens);

// exact_match, includes, regex, numeric_close, mc_letter, loglikelihood. An unknown name or parameter is an error
// with a suggestion.
Result<std::unique_ptr<Scorer>> make_scorer(const ScorerSpec& spec);
const std::vector<std::string>& scorer_names();

}  // namespace pennyweight
