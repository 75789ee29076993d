// The pre-tokenizers of most models, by hand: one family of patterns with a few parameters, many
// times faster than a regular expression. Private to tokenizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace pennyweight::llm {

// Alternatives are tried in the order: contraction, word, number, symbols, white space.
struct WordRules {
  enum class Contractions : std::uint8_t {
    none,
    exact,     // 's 't 're 've 'm 'll 'd are words of their own
    any_case,  // also 'S
    suffix,    // in any case, and part of the word before
  };
  Contractions contractions = Contractions::any_case;
  // One character may lead a word: anything but letters, numbers and line ends, and white space up
  // to a line end is one piece. Otherwise only a blank leads, numbers too, as GPT-2 has it.
  bool any_lead = true;
  int longest_number = 3;       // digits in a piece, 0 = any number
  bool marks_in_words = false;  // combining marks count as letters
  // A word is capitals and then small letters; caseless letters and marks are both.
  bool splits_case = false;
  std::string_view symbol_tail = "\r\n";  // ASCII characters that a run of symbols takes along
};

// Appends `offset` + the end of each word. `text` is valid UTF-8; the words cover it.
void append_words(std::string_view text, const WordRules& rules, std::size_t offset,
                  std::vector<std::size_t>& ends);

}  // namespace pennyweight::llm
