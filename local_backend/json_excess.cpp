#include "local_backend/json_excess.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace pennyweight::llm {
namespace {

constexpr std::uint64_t kMostComparisons = std::uint64_t{1} << 27;  // of names, in half a second

}  // namespace

std::string_view json_excess(std::string_view json) {
  std::array<std::uint64_t, kMaxJsonNesting + 1> members{};  // so far, of each open object
  std::uint64_t comparisons = 0;
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonNesting) return "nests too deep";
      members[depth] = 0;
    } else if (c == ':') {
      comparisons += members[depth]++;
      if (comparisons > kMostComparisons) return "has too many members in one object";
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return {};
}

}  // namespace pennyweight::llm
