// Numbers between bounds as GBNF expressions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pennyweight::llm {

// Bounds in whole numbers; none: as many digits as a reader keeps exactly.
struct NumberBounds {
  std::optional<std::int64_t> least, most;
  bool above = false, below = false;  // for non-integers: the bound itself is excluded
};

// Of at most 18 digits. "" when there is no such number.
std::string integers_between(std::optional<std::int64_t> least, std::optional<std::int64_t> most);
// Decimals without exponent. "" when there is no such number.
std::string numbers_between(const NumberBounds& bounds);

// Bounds as a schema writes them, the last two excluded.
struct WrittenBounds {
  std::optional<std::int64_t> least, most, above, below;
};
// "" when there is no such number.
std::string number_rule(const WrittenBounds& written, bool integer);

}  // namespace pennyweight::llm
