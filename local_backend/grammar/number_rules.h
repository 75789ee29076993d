// Numbers between bounds as GBNF expressions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pennyweight::llm {

// Of a bound that an answer must go beyond; integers may have three digits more.
inline constexpr std::int64_t kLargestBound = 999'999'999'999'999;

// Bounds in whole numbers, one at least.
struct NumberBounds {
  std::optional<std::int64_t> least, most;
  bool above = false, below = false;  // for non-integers: the bound itself is excluded
};

// Of at most 18 digits. "" when there is no such number.
std::string integers_between(std::optional<std::int64_t> least, std::optional<std::int64_t> most);
// On a side without bound as far as any JSON number that is written here: 16 digits, 15 places and
// an exponent, which cannot be negative where the bound of the other side is not 0. Between two
// bounds without exponent, and with 15 digits in all. "" when there is no such number: a bound that
// leaves only numbers of more than 15 digits has none.
std::string numbers_between(const NumberBounds& bounds);

}  // namespace pennyweight::llm
