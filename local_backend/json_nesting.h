// Before a stranger's JSON is read by recursive code.
#pragma once

#include <string_view>

namespace pennyweight::llm {

inline constexpr int kMaxJsonNesting = 256;

// Brackets outside strings, one in another. What is not JSON gives any answer.
bool nests_too_deep(std::string_view json);

}  // namespace pennyweight::llm
