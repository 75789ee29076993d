// Servers written in JavaScript cut answers between UTF-16 units, so that a character outside the
// basic plane may come as two events with half an escape each ("\ud83d", then "\ude42"). A JSON
// parser refuses such halves; these functions carry them through as WTF-8, three bytes a half,
// until the answer is joined. A half that stays alone stays what it is: bytes that are not UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace pennyweight {

// JSON text with each lone surrogate escape replaced by a private-use character (U+10F000 and up).
std::string hide_lone_surrogates(std::string_view json);
// The halves that hide_lone_surrogates() hid in a decoded string, as WTF-8.
std::string show_lone_surrogates(std::string_view text);
// Each pair of halves becomes its character.
std::string join_surrogates(std::string_view text);

}  // namespace pennyweight
