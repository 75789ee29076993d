// The printable characters by which byte-level vocabularies spell bytes: 0x21-0x7E, 0xA1-0xAC and
// 0xAE-0xFF stand for themselves, the other 68 are U+0100 and up. Private to tokenizer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pennyweight::llm {

std::string_view spelled_in_alphabet(unsigned char byte);  // UTF-8
// The bytes a token of such a vocabulary stands for; nothing where it is spelled otherwise.
std::optional<std::string> bytes_from_alphabet(std::string_view text);

}  // namespace pennyweight::llm
