#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "datasets/letter_rules.h"
#include "datasets/scorer_parts.h"
#include "datasets/text_metrics.h"

namespace pennyweight {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

std::string upper_ascii(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  return text;
}

class McLetter final : public PreparedScorer {
 public:
  explicit McLetter(ObjectReader& p)
      : PreparedScorer(p, {"rule", "letters"}, "mc_letter"),
        rule_(p.one_of("rule", {"last", "first", "simple_evals", "simple_evals_mmlu", "inspect",
                                "kormedmcqa"})),
        letters_(p.text("letters").value_or("")) {
    if (p.has("letters") && !is_own_rule()) {
      p.wrong("letters", fmt::format("rule {} has letters of its own", rule_));
    }
    if (p.has("letters") &&
        (letters_.empty() || letters_.find_first_not_of(kAlphabet) != letters_.npos)) {
      p.wrong("letters", "\"letters\" must be capitals from A to Z");
    }
    sign({"rule:" + rule_, letters_.empty() ? "" : "letters:" + letters_}, 1);
  }

 private:
  bool is_own_rule() const { return rule_ == "last" || rule_ == "first"; }

  // One a choice; A to D where a row has no choices.
  std::string_view letters(const std::vector<std::string>& choices) const {
    if (!letters_.empty()) return letters_;
    return kAlphabet.substr(0, choices.empty() ? 4 : choices.size());
  }

  std::optional<std::string> find(const std::string& answer,
                                  const std::vector<std::string>& choices) const {
    if (rule_ == "simple_evals") return letter_by_simple_evals(answer);
    if (rule_ == "simple_evals_mmlu") return letter_by_simple_evals_mmlu(answer);
    if (rule_ == "inspect") return letter_by_inspect(answer);
    if (rule_ == "kormedmcqa") return letter_by_kormedmcqa(answer);
    const auto letter = marked_letter(answer, letters(choices), rule_ == "last");
    return letter ? std::optional(std::string(1, *letter)) : std::nullopt;
  }

  std::string objection(const std::string& target,
                        const std::vector<std::string>& choices) const override {
    const std::string_view possible = is_own_rule() ? letters(choices) : kAlphabet;
    const bool fits = target.size() == 1 && possible.find(upper_ascii(target)) != possible.npos;
    return fits ? "" : fmt::format("it must be one of the letters {}", possible);
  }

  // simple-evals compares as written, so that "b" is wrong.
  Score compare(const std::string& answer, const std::vector<std::string>& targets,
                const std::vector<std::string>& choices) const override {
    const auto letter = find(answer, choices);
    if (!letter) return {0, false, {}};
    const bool as_written = rule_ == "simple_evals" || rule_ == "simple_evals_mmlu";
    const bool right = std::any_of(targets.begin(), targets.end(), [&](const std::string& target) {
      return as_written ? target == *letter : upper_ascii(target) == upper_ascii(*letter);
    });
    return {right ? 1.0 : 0.0, true, *letter};
  }

  std::string rule_, letters_;
};

}  // namespace

std::unique_ptr<Scorer> make_mc_letter(ObjectReader& parameters) {
  return std::make_unique<McLetter>(parameters);
}

}  // namespace pennyweight
