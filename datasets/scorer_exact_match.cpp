#include <algorithm>

#include "datasets/scorer_parts.h"
#include "datasets/text_metrics.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

class ExactMatch final : public PreparedScorer {
 public:
  explicit ExactMatch(ObjectReader& p)
      : PreparedScorer(p,
                       {"regexes_to_ignore", "ignore_case", "ignore_punctuation", "ignore_numbers",
                        "strip", "strip_all_space"},
                       "exact_match"),
        ignore_case_(p.flag("ignore_case", false)),
        ignore_punctuation_(p.flag("ignore_punctuation", false)),
        ignore_numbers_(p.flag("ignore_numbers", false)),
        strip_(p.flag("strip", false)),
        strip_all_space_(p.flag("strip_all_space", false)) {
    const auto sources = p.texts("regexes_to_ignore");
    for (const std::string& source : sources) {
      auto pattern = compile(p, "regexes_to_ignore", source, {});
      if (pattern) ignored_.push_back(std::move(*pattern));
    }
    const Value::List listed(sources.begin(), sources.end());
    sign(
        {ignored_.empty() ? "" : "regexes_to_ignore:" + to_json(listed),
         ignore_case_ ? "ignore_case:yes" : "", ignore_punctuation_ ? "ignore_punctuation:yes" : "",
         ignore_numbers_ ? "ignore_numbers:yes" : "", strip_ ? "strip:yes" : "",
         strip_all_space_ ? "strip_all_space:yes" : ""},
        1);
  }

 private:
  std::string normalise(std::string text) const {
    if (strip_) text = std::string(strip(text));
    for (const Pattern& pattern : ignored_) text = pattern.remove_all(text);
    if (ignore_case_) text = lower(text);
    if (ignore_punctuation_) text = without_ascii_punctuation(text);
    if (ignore_numbers_) text = without_ascii_digits(text);
    if (strip_) text = std::string(strip(text));
    if (strip_all_space_) text = without_blanks(text);
    return text;
  }

  Score compare(const std::string& answer, const std::vector<std::string>& targets,
                const std::vector<std::string>&) const override {
    Score score;
    score.extracted = normalise(answer);
    const bool right = std::any_of(targets.begin(), targets.end(), [&](const std::string& target) {
      return normalise(target) == score.extracted;
    });
    score.value = right ? 1 : 0;
    return score;
  }

  std::vector<Pattern> ignored_;
  bool ignore_case_, ignore_punctuation_, ignore_numbers_, strip_, strip_all_space_;
};

}  // namespace

std::unique_ptr<Scorer> make_exact_match(ObjectReader& parameters) {
  return std::make_unique<ExactMatch>(parameters);
}

}  // namespace pennyweight
