// Sino-Korean readings of whole numbers below 10^16, written (korean_number.cpp) and, by different
// code, read (korean_reader.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pennyweight {

// 10458 -> 만사백오십팔, 일만사백오십팔: the usual spelling first, then the others that are
// accepted, which name a leading one (일만), every 일천, or every 일.
std::vector<std::string> korean_readings(std::uint64_t number);

// 12억 3400만 56: digits by groups of four.
std::string mixed_form(std::uint64_t number);

// 10,458
std::string with_commas(std::uint64_t number);

// Reads any of the forms above, blanks and commas aside. Nothing when it is none of them.
std::optional<std::uint64_t> read_korean_number(std::string_view text);

}  // namespace pennyweight
