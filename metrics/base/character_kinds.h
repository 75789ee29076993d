// What Unicode says of a character, as str.isalpha() and \w of Python ask.
#pragma once

namespace pennyweight {

bool is_letter(char32_t c);          // general categories L*
bool is_word_character(char32_t c);  // L*, N* and "_"

}  // namespace pennyweight
