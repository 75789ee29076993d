#include <algorithm>

#include "datasets/scorer_parts.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

class Includes final : public PreparedScorer {
 public:
  explicit Includes(ObjectReader& p)
      : PreparedScorer(p, {"ignore_case", "fold"}, "includes"),
        ignore_case_(p.flag("ignore_case", false)),
        fold_(p.one_of("fold", {"casefold", "lower"})) {
    if (p.has("fold") && !ignore_case_) {
      p.wrong("fold", "\"fold\" has no effect without \"ignore_case\"");
    }
    sign({ignore_case_ ? "ignore_case:" + fold_ : ""}, 1);
  }

 private:
  std::string folded(const std::string& text) const {
    if (!ignore_case_) return text;
    return fold_ == "lower" ? lower(text) : casefold(text);
  }

  std::string objection(const std::string& target, const std::vector<std::string>&) const override {
    return target.empty() ? "an empty text is in every answer" : "";
  }

  Score compare(const std::string& answer, const std::vector<std::string>& targets,
                const std::vector<std::string>&) const override {
    const std::string text = folded(answer);
    for (const std::string& target : targets) {
      if (text.find(folded(target)) != text.npos) return {1, true, target};
    }
    return {0, true, {}};
  }

  bool ignore_case_;
  std::string fold_;
};

}  // namespace

std::unique_ptr<Scorer> make_includes(ObjectReader& parameters) {
  return std::make_unique<Includes>(parameters);
}

}  // namespace pennyweight
