// Where words end, by the names of tokenizer.ggml.pre: byte pairs never merge over such a border.
// Private to tokenizer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "local_backend/tokenization/split_pattern.h"
#include "local_backend/tokenization/word_scanner.h"

namespace pennyweight::llm {

// Each step cuts the pieces the step before has left.
using PreTokenizerStep = std::variant<WordRules, std::string_view>;  // a pattern of SplitPattern

struct PreTokenizerSpec {
  std::string_view name;
  std::span<const PreTokenizerStep> steps;
  bool keeps_words = false;  // a word that is a token is that token, whatever the merges say
  bool adds_bos = false;     // where the file does not say
};

std::span<const PreTokenizerSpec> pre_tokenizers();                 // sorted by name
const PreTokenizerSpec* find_pre_tokenizer(std::string_view name);  // null when not known

// Immutable: any thread.
class PreTokenizer {
 public:
  static Result<PreTokenizer> create(const PreTokenizerSpec& spec);
  // The ends of the pieces, which cover the text. A byte that is no UTF-8 counts as U+FFFD.
  std::vector<std::size_t> split(std::string_view text) const;

 private:
  std::vector<std::size_t> split_valid(std::string_view text) const;
  std::vector<std::variant<WordRules, SplitPattern>> steps_;
};

}  // namespace pennyweight::llm
