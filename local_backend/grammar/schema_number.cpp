#include "local_backend/grammar/schema_number.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "local_backend/grammar/number_rules.h"

namespace pennyweight::llm {
namespace {

using Bound = std::optional<std::int64_t>;

// In whole numbers; an integer's may lie between two.
Result<Bound> bound(const nlohmann::json& bounds, const char* key, bool round_up, bool integer) {
  const auto it = bounds.find(key);
  if (it == bounds.end()) return std::nullopt;
  const double value = it->is_number() ? it->get<double>() : std::nan("");
  const double whole = round_up ? std::ceil(value) : std::floor(value);
  if (!it->is_number() || !(integer || whole == value))
    return fail(ErrorKind::unsupported, fmt::format("\"{}\" must be a whole number", key));
  return static_cast<std::int64_t>(std::clamp(whole, -9e18, 9e18));
}

}  // namespace

Result<std::string> number_rule(const std::string& text, bool integer) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto least = bound(json, "minimum", true, integer);
  const auto most = bound(json, "maximum", false, integer);
  // The largest integer below 1.5 is its floor; below 1 it is 0.
  auto above = bound(json, "exclusiveMinimum", false, integer);
  auto below = bound(json, "exclusiveMaximum", true, integer);
  if (!least) return fail(least.error());
  if (!most) return fail(most.error());
  if (!above) return fail(above.error());
  if (!below) return fail(below.error());
  NumberBounds bounds;
  bounds.least = *least;
  bounds.most = *most;
  if (integer && *above) ++**above;
  if (integer && *below) --**below;
  if (*above && (!bounds.least || **above >= *bounds.least)) {
    bounds.least = *above;
    bounds.above = true;
  }
  if (*below && (!bounds.most || **below <= *bounds.most)) {
    bounds.most = *below;
    bounds.below = true;
  }
  std::string out = integer ? integers_between(bounds.least, bounds.most) : numbers_between(bounds);
  if (!out.empty()) return out;
  const auto large = [&](const Bound& b) { return b && std::abs(*b) > kLargestBound; };
  return fail(ErrorKind::unsupported,
              large(bounds.least) || large(bounds.most)
                  ? "the bounds leave only numbers of more than 15 digits (integers: 18)"
                  : "no number lies between the bounds");
}

}  // namespace pennyweight::llm
