// What a code point is to a pre-tokenizer. Private to tokenizer.
#pragma once

#include <cstdint>

namespace pennyweight::llm {

enum class CharacterKind : std::uint8_t {
  other,     // punctuation, symbols, controls, unassigned
  upper,     // Lu, Lt
  lower,     // Ll
  caseless,  // Lm, Lo
  mark,      // Mn, Mc, Me
  number,    // Nd, Nl, No
  space,     // White_Space, but for the next two
  line_end,  // CR, LF
};

// General categories are those of utf8proc's Unicode version (15.0 in Debian 12). Any thread.
CharacterKind kind_of(char32_t code_point);

inline bool is_letter(CharacterKind kind) {
  return kind == CharacterKind::upper || kind == CharacterKind::lower ||
         kind == CharacterKind::caseless;
}
inline bool is_white_space(CharacterKind kind) {
  return kind == CharacterKind::space || kind == CharacterKind::line_end;
}

}  // namespace pennyweight::llm
