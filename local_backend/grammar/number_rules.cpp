#include "local_backend/grammar/number_rules.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace pennyweight::llm {
namespace {

constexpr std::int64_t kLargest = 999'999'999'999'999'999;
constexpr std::int64_t kLargestDecimal = 999'999'999;  // leaves room for a fraction

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

// 0 <= least <= most, with a fraction.
std::string decimals(std::int64_t least, std::int64_t most, bool above, bool below) {
  // Few enough digits that no reader rounds up to the bound.
  const std::size_t places = 15 - std::to_string(most).size();
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
  const auto inside = [](std::int64_t n) { return n >= -kLargestDecimal && n <= kLargestDecimal; };
  if ((bounds.least && !inside(*bounds.least) && *bounds.least > 0) ||
      (bounds.most && !inside(*bounds.most) && *bounds.most < 0))
    return "";
  const bool low_given = bounds.least && inside(*bounds.least);
  const bool high_given = bounds.most && inside(*bounds.most);
  const std::int64_t low = low_given ? *bounds.least : -kLargestDecimal;
  const std::int64_t high = high_given ? *bounds.most : kLargestDecimal;
  const bool above = low_given && bounds.above, below = high_given && bounds.below;
  if (low > high) return "";
  std::vector<std::string> out;
  if (low < 0) {
    const bool to_zero = high >= 0;
    const std::string part =
        decimals(to_zero ? 0 : -high, -low, to_zero ? high == 0 && below : below, above);
    if (!part.empty()) out.push_back("\"-\" " + part);
  }
  if (high >= 0) {
    const std::string part =
        decimals(std::max<std::int64_t>(low, 0), high, low >= 0 && above, below);
    if (!part.empty()) out.push_back(part);
  }
  return out.empty() ? "" : "(" + joined(out) + ")";
}

std::string number_rule(const WrittenBounds& written, bool integer) {
  NumberBounds bounds{.least = written.least, .most = written.most};
  auto above = written.above, below = written.below;
  if (integer && above) ++*above;
  if (integer && below) --*below;
  if (above && (!bounds.least || *above >= *bounds.least)) {
    bounds.least = above;
    bounds.above = true;
  }
  if (below && (!bounds.most || *below <= *bounds.most)) {
    bounds.most = below;
    bounds.below = true;
  }
  return integer ? integers_between(bounds.least, bounds.most) : numbers_between(bounds);
}

}  // namespace pennyweight::llm
