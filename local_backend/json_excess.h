// What our JSON reader cannot take, known before it is asked: its recursion is as deep as the text
// nests, and it compares each name of an object with all before it.
#pragma once

#include <string_view>

namespace pennyweight::llm {

inline constexpr int kMaxJsonNesting = 256;

// "nests too deep", "has too many members in one object" (one of 16,000, or several smaller); empty
// where the text can be read, whatever is wrong with it otherwise.
std::string_view json_excess(std::string_view json);

}  // namespace pennyweight::llm
