// What every scorer shares: preparing the answer, and its signature. One factory a scorer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datasets/object_reader.h"
#include "datasets/pattern.h"
#include "datasets/scorer.h"

namespace pennyweight {

// Reads `nfc` and `extract`, and applies both before the scorer's own rule: NFC to the answer and
// the targets, extraction to the answer.
class PreparedScorer : public Scorer {
 public:
  const std::string& signature() const final { return signature_; }
  Result<void> check(const std::vector<std::string>& targets,
                     const std::vector<std::string>& choices) const final;
  Score score(std::string_view answer, const std::vector<std::string>& targets,
              const std::vector<std::string>& choices) const final;

 protected:
  // `parts` are the scorer's own parameters: "rule:last".
  PreparedScorer(ObjectReader& parameters, const std::vector<std::string>& own_keys,
                 std::string_view name);
  // Call at the end of the constructor. A switch that is off and a tolerance of 0 are left out.
  void sign(const std::vector<std::string>& parts, int version);
  std::string prepare(std::string_view text) const;
  std::optional<Pattern> compile(ObjectReader& parameters, std::string_view key,
                                 const std::string& source, Pattern::Options options) const;

 private:
  virtual Score compare(const std::string& answer, const std::vector<std::string>& targets,
                        const std::vector<std::string>& choices) const = 0;
  // What is wrong with a target, or "".
  virtual std::string objection(const std::string& target,
                                const std::vector<std::string>& choices) const;

  std::string name_;
  bool nfc_;
  std::vector<std::string> markers_;  // of extract: final_line; empty without
  std::string signature_;
};

// Each reads its parameters; errors stay in the reader.
using ScorerFactory = std::unique_ptr<Scorer> (*)(ObjectReader& parameters);
std::unique_ptr<Scorer> make_exact_match(ObjectReader& parameters);
std::unique_ptr<Scorer> make_includes(ObjectReader& parameters);
std::unique_ptr<Scorer> make_regex(ObjectReader& parameters);
std::unique_ptr<Scorer> make_numeric_close(ObjectReader& parameters);
std::unique_ptr<Scorer> make_mc_letter(ObjectReader& parameters);
std::unique_ptr<Scorer> make_loglikelihood(ObjectReader& parameters);

}  // namespace pennyweight
