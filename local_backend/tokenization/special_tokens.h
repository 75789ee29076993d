// Cuts a text at the special tokens spelled in it. Private to tokenizer.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "local_backend/tokenization/vocabulary.h"

namespace pennyweight::llm {

// A token, or text that is still to be tokenised.
struct Fragment {
  Token token = -1;
  std::string_view text;
};

class SpecialTokens {
 public:
  explicit SpecialTokens(const Vocabulary& vocabulary);  // kept
  // The longest special token of all is cut out wherever it is, then the next longest (not: the
  // leftmost first). Control and unknown tokens do not match where they touch `literal` ranges;
  // user-defined ones match everywhere.
  std::vector<Fragment> split(std::string_view text, std::span<const TextRange> literal) const;

 private:
  std::vector<Token> present_in(std::string_view text) const;
  void cut(Token token, const Fragment& from, std::string_view whole,
           std::span<const TextRange> literal, std::vector<Fragment>& out) const;

  const Vocabulary& vocabulary_;
  // By their texts, each once; of equal ones the last of the vocabulary.
  std::vector<Token> ordered_;
  // Those that begin with byte b are ordered_[first_[b]] .. ordered_[first_[b + 1]]; mostly none.
  std::array<std::size_t, 257> first_{};
};

}  // namespace pennyweight::llm
