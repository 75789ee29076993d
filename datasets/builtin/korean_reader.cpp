// From left to right with three accumulators, where the writer works by groups from the right.
#include "datasets/builtin/korean_number.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

constexpr std::u32string_view kDigits = U"영일이삼사오육칠팔구";

std::uint64_t small_unit(char32_t c) {
  return c == U'십' ? 10 : c == U'백' ? 100 : c == U'천' ? 1000 : 0;
}

std::uint64_t big_unit(char32_t c) {
  return c == U'만' ? 10'000 : c == U'억' ? 100'000'000 : c == U'조' ? 1'000'000'000'000 : 0;
}

}  // namespace

std::optional<std::uint64_t> read_korean_number(std::string_view text) {
  std::uint64_t total = 0, section = 0;
  std::optional<std::uint64_t> digits;  // said, and not yet given a unit
  bool any = false;
  for (const char32_t c : code_points(text)) {
    if (c == U' ' || c == U',') continue;
    any = true;
    if (c >= U'0' && c <= U'9') {
      digits = digits.value_or(0) * 10 + (c - U'0');
      if (*digits >= 10'000'000'000'000'000) return std::nullopt;
    } else if (const auto digit = kDigits.find(c); digit != kDigits.npos) {
      if (digits) return std::nullopt;
      digits = digit;
    } else if (const std::uint64_t small = small_unit(c)) {
      section += digits.value_or(1) * small;
      digits.reset();
    } else if (const std::uint64_t big = big_unit(c)) {
      section += digits.value_or(0);
      if (section >= 10'000) return std::nullopt;
      total += (section == 0 ? 1 : section) * big;
      section = 0;
      digits.reset();
    } else {
      return std::nullopt;
    }
  }
  if (!any) return std::nullopt;
  return total + section + digits.value_or(0);
}

}  // namespace pennyweight
