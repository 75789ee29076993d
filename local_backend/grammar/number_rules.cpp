#include "local_backend/grammar/number_rules.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace pennyweight::llm {
namespace {

constexpr std::int64_t kLargest = 999'999'999'999'999'999;
// Of decimals: doubles as large and a tenth apart are still different.
constexpr std::int64_t kLargestDecimal = kLargestBound;
constexpr int kDigits = 16;  // before the point, where nothing bounds them
constexpr std::string_view kFraction = "(\".\" [0-9]{1,15})?";

std::string joined(const std::vector<std::string>& alternatives) {
  std::string out;
  for (const auto& each : alternatives) out += (out.empty() ? "" : " | ") + each;
  return out;
}

std::string digits(char first, char last) {
  return first == last ? fmt::format("\"{}\"", first) : fmt::format("[{}-{}]", first, last);
}

std::string any_digits(std::size_t n) {
  return n == 0 ? "" : fmt::format(" [0-9]{{{}}}", n);
}

// Digit strings as long as `bound` that are not below it (`up`), or not above it.
std::string beyond(std::string_view bound, bool up) {
  const char edge = up ? '0' : '9';
  if (std::ranges::all_of(bound, [edge](char c) { return c == edge; }))
    return any_digits(bound.size());
  std::vector<std::string> out{digits(bound[0], bound[0]) + beyond(bound.substr(1), up)};
  if (up && bound[0] < '9')
    out.push_back(digits(static_cast<char>(bound[0] + 1), '9') + any_digits(bound.size() - 1));
  if (!up && bound[0] > '0')
    out.push_back(digits('0', static_cast<char>(bound[0] - 1)) + any_digits(bound.size() - 1));
  return " (" + joined(out) + ")";
}

// Two numbers of as many digits.
std::string same_length(std::string_view least, std::string_view most) {
  if (least.empty()) return "";
  if (least[0] == most[0])
    return digits(least[0], least[0]) + " " + same_length(least.substr(1), most.substr(1));
  std::vector<std::string> out{digits(least[0], least[0]) + beyond(least.substr(1), true)};
  if (least[0] + 1 < most[0])
    out.push_back(digits(static_cast<char>(least[0] + 1), static_cast<char>(most[0] - 1)) +
                  any_digits(least.size() - 1));
  out.push_back(digits(most[0], most[0]) + beyond(most.substr(1), false));
  return "(" + joined(out) + ")";
}

// 0 <= least <= most.
std::string naturals(std::int64_t least, std::int64_t most) {
  const std::string low = std::to_string(least), high = std::to_string(most);
  if (low.size() == high.size()) return same_length(low, high);
  std::vector<std::string> out{same_length(low, std::string(low.size(), '9'))};
  if (high.size() > low.size() + 1)
    out.push_back(fmt::format("[1-9] [0-9]{{{},{}}}", low.size(), high.size() - 2));
  out.push_back(same_length("1" + std::string(high.size() - 1, '0'), high));
  return "(" + joined(out) + ")";
}

// Few enough digits that no reader rounds to the bound.
std::size_t places_beside(std::int64_t bound) {
  const std::size_t digits = std::to_string(bound).size();
  return digits < 14 ? 15 - digits : 1;
}

// From 0 <= least on without end. An exponent without "-" leads no further down than its number.
std::string decimals_from(std::int64_t least, bool above) {
  const std::string any_exponent = "([eE] [-+]? [0-9]{1,2})?", up = "([eE] \"+\"? [0-9]{1,2})?";
  const std::string large = fmt::format("[1-9] [0-9]{{0,{}}} {}", kDigits - 1, kFraction);
  if (least == 0 && !above)
    return fmt::format("(\"0\" {0} | {1}) {2}", kFraction, large, any_exponent);
  if (least == 0) {
    return fmt::format("(\"0.\" \"0\"{{0,7}} [1-9] [0-9]{{0,14}} | {}) {}", large, any_exponent);
  }
  const std::string beside =
      above ? fmt::format("\".\" [0-9]{{0,{}}} [1-9]", places_beside(least) - 1)
            : std::string(kFraction);
  const std::int64_t most = 10 * kLargestDecimal + 9;
  return fmt::format("(\"{}\" {} | {} {}) {}", least, beside, naturals(least + 1, most), kFraction,
                     up);
}

// 0 <= least <= most, with a fraction.
std::string decimals(std::int64_t least, std::int64_t most, bool above, bool below) {
  const std::size_t places = places_beside(most);
  const std::string fraction = fmt::format("(\".\" [0-9]{{1,{}}})?", places);
  const auto literal = [](std::int64_t n) { return fmt::format("\"{}\"", n); };
  std::vector<std::string> out;
  if (least < most) {
    out.push_back(literal(least) +
                  (above ? fmt::format(" \".\" [0-9]{{0,{}}} [1-9]", places - 1) : " " + fraction));
    if (least + 1 < most) out.push_back(naturals(least + 1, most - 1) + " " + fraction);
  }
  if (!below && (least < most || !above))
    out.push_back(literal(most) + fmt::format(" (\".\" \"0\"{{1,{}}})?", places));
  return out.empty() ? "" : "(" + joined(out) + ")";
}

}  // namespace

std::string integers_between(std::optional<std::int64_t> least, std::optional<std::int64_t> most) {
  const std::int64_t low = std::clamp(least.value_or(-kLargest), -kLargest, kLargest);
  const std::int64_t high = std::clamp(most.value_or(kLargest), -kLargest, kLargest);
  if (low > high || (least && *least > kLargest) || (most && *most < -kLargest)) return "";
  std::vector<std::string> out;
  if (low < 0) out.push_back("\"-\" " + naturals(-std::min<std::int64_t>(high, -1), -low));
  if (high >= 0) out.push_back(naturals(std::max<std::int64_t>(low, 0), high));
  return "(" + joined(out) + ")";
}

std::string numbers_between(const NumberBounds& bounds) {
  if ((bounds.least && *bounds.least > kLargestDecimal) ||
      (bounds.most && *bounds.most < -kLargestDecimal))
    return "";
  // A bound beyond those is kept to, and to this one that is nearer.
  const bool above = bounds.above && *bounds.least >= -kLargestDecimal;
  const bool below = bounds.below && *bounds.most <= kLargestDecimal;
  const std::int64_t low = std::max(bounds.least.value_or(0), -kLargestDecimal);
  const std::int64_t high = std::min(bounds.most.value_or(0), kLargestDecimal);
  if (bounds.least && bounds.most && low > high) return "";
  std::vector<std::string> out;
  if (!bounds.least || low < 0) {
    const bool to_zero = !bounds.most || high >= 0;
    const bool strict = to_zero ? bounds.most && high == 0 && below : below;
    const std::int64_t nearest = to_zero ? 0 : -high;
    const std::string part =
        bounds.least ? decimals(nearest, -low, strict, above) : decimals_from(nearest, strict);
    if (!part.empty()) out.push_back("\"-\" " + part);
  }
  if (!bounds.most || high >= 0) {
    const bool strict = bounds.least && low >= 0 && above;
    const std::int64_t nearest = bounds.least ? std::max<std::int64_t>(low, 0) : 0;
    const std::string part =
        bounds.most ? decimals(nearest, high, strict, below) : decimals_from(nearest, strict);
    if (!part.empty()) out.push_back(part);
  }
  return out.empty() ? "" : "(" + joined(out) + ")";
}

}  // namespace pennyweight::llm
