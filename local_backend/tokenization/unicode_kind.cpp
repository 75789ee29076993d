#include "local_backend/tokenization/unicode_kind.h"

#include <array>

#include <utf8proc.h>

namespace pennyweight::llm {
namespace {

// The property White_Space, which \s means in the published patterns.
bool has_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

CharacterKind looked_up(char32_t c) {
  if (c == U'\r' || c == U'\n') return CharacterKind::line_end;
  if (has_white_space(c)) return CharacterKind::space;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return CharacterKind::upper;
    case UTF8PROC_CATEGORY_LL:
      return CharacterKind::lower;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharacterKind::caseless;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return CharacterKind::mark;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharacterKind::number;
    default:
      return CharacterKind::other;
  }
}

}  // namespace

CharacterKind kind_of(char32_t code_point) {
  static const auto ascii = [] {
    std::array<CharacterKind, 128> kinds{};
    for (char32_t c = 0; c < 128; ++c) kinds[c] = looked_up(c);
    return kinds;
  }();
  return code_point < 128 ? ascii[code_point] : looked_up(code_point);
}

}  // namespace pennyweight::llm
