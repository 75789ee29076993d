#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "datasets/scorer_parts.h"
#include "datasets/text_metrics.h"

namespace pennyweight {
namespace {

class NumericClose final : public PreparedScorer {
 public:
  explicit NumericClose(ObjectReader& p)
      : PreparedScorer(p, {"abs_tol", "rel_tol"}, "numeric_close"),
        abs_tol_(p.number("abs_tol", 0, 1e300).value_or(0)),
        rel_tol_(p.number("rel_tol", 0, 1).value_or(0)) {
    sign({abs_tol_ > 0 ? fmt::format("abs_tol:{}", abs_tol_) : "",
          rel_tol_ > 0 ? fmt::format("rel_tol:{}", rel_tol_) : ""},
         1);
  }

 private:
  // Equal numbers are compared as decimals, so that 16 digits are not rounded to a double's 53
  // bits.
  bool close(const Decimal& answer, const Decimal& target) const {
    if (answer == target) return true;
    const double allowed = std::max(abs_tol_, rel_tol_ * std::fabs(target.approximate));
    return allowed > 0 && std::fabs(answer.approximate - target.approximate) <= allowed;
  }

  std::string objection(const std::string& target, const std::vector<std::string>&) const override {
    return last_number(target) ? "" : "it holds no number";
  }

  Score compare(const std::string& answer, const std::vector<std::string>& targets,
                const std::vector<std::string>&) const override {
    const auto number = last_number(answer);
    if (!number) return {0, false, {}};
    const bool right = std::any_of(targets.begin(), targets.end(), [&](const std::string& target) {
      const auto wanted = last_number(target);
      return wanted && close(*number, *wanted);
    });
    return {right ? 1.0 : 0.0, true, number->text};
  }

  double abs_tol_, rel_tol_;
};

}  // namespace

std::unique_ptr<Scorer> make_numeric_close(ObjectReader& parameters) {
  return std::make_unique<NumericClose>(parameters);
}

}  // namespace pennyweight
