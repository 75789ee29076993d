// The SPM vocabulary of synthetic models: special tokens, bytes, characters, and words that can be
// reached by merges. Private to synthetic_model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pennyweight::llm {

inline constexpr std::size_t kSmallestVocabulary = 300;

struct SyntheticVocabulary {
  std::vector<std::string> texts;
  std::vector<double> scores;       // earlier pieces merge first
  std::vector<std::int64_t> types;  // token types of the file format
  std::int32_t unknown = 0, bos = 1, eos = 2, end_of_turn = 0;
  std::size_t first_piece = 0;  // from here on ordinary text
};

// The same words for every size: a larger vocabulary begins with a smaller one.
SyntheticVocabulary synthetic_vocabulary(std::size_t size);

}  // namespace pennyweight::llm
