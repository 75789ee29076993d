#include <algorithm>
#include <optional>

#include "datasets/scorer_parts.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

class Regex final : public PreparedScorer {
 public:
  explicit Regex(ObjectReader& p)
      : PreparedScorer(p, {"pattern", "ignore_case", "dotall", "multiline"}, "regex"),
        options_{p.flag("ignore_case", false), p.flag("dotall", false),
                 p.flag("multiline", false)} {
    const std::string source = p.required_text("pattern");
    pattern_ = compile(p, "pattern", source, options_);
    sign({"pattern:" + to_json(source), options_.ignore_case ? "ignore_case:yes" : "",
          options_.dotall ? "dotall:yes" : "", options_.multiline ? "multiline:yes" : ""},
         1);
  }

 private:
  std::string folded(const std::string& text) const {
    return options_.ignore_case ? lower(text) : text;
  }

  Score compare(const std::string& answer, const std::vector<std::string>& targets,
                const std::vector<std::string>&) const override {
    const auto match = pattern_->search(answer);
    if (!match) return {0, false, {}};
    // Its groups, or the whole match of a pattern that has none.
    const std::size_t first = match->groups.size() > 1 ? 1 : 0;
    std::optional<std::string> extracted;
    for (std::size_t i = first; i < match->groups.size(); ++i) {
      const auto& group = match->groups[i];
      if (!group) continue;
      for (const std::string& target : targets) {
        if (folded(*group) == folded(target)) return {1, true, *group};
      }
      if (!extracted) extracted = *group;
    }
    return {0, extracted.has_value(), extracted.value_or("")};
  }

  Pattern::Options options_;
  std::optional<Pattern> pattern_;
};

}  // namespace

std::unique_ptr<Scorer> make_regex(ObjectReader& parameters) {
  return std::make_unique<Regex>(parameters);
}

}  // namespace pennyweight
