// Text to tokens by byte-level byte-pair encoding. Private to tokenizer.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "local_backend/tokenization/pre_tokenizer.h"
#include "local_backend/tokenization/vocabulary.h"

namespace pennyweight::llm {

class NeighbourMerger;

// Immutable after loading: any thread.
class BytePairs {
 public:
  // Reads tokenizer.ggml.merges; an error where a merge is not made of the vocabulary's tokens.
  // `vocabulary` is kept.
  static Result<BytePairs> load(const GgufFile& file, const Vocabulary& vocabulary);

  // In each piece of the pre-tokenizer the neighbours of the lowest rank become one (ties: the
  // leftmost), until no merge applies. A byte that is no token is left out. O(n log n).
  void append_tokens(std::string_view text, std::vector<Token>& out) const;

 private:
  struct Merged {
    float rank;
    Token token;
  };
  BytePairs(const Vocabulary& vocabulary, PreTokenizer pre_tokenizer);
  Result<void> load_merges(const std::vector<std::string>& merges);
  void append_word(std::string_view word, NeighbourMerger& merger, std::vector<Token>& out) const;
  Token whole(std::string_view word) const;

  const Vocabulary* vocabulary_;
  PreTokenizer pre_tokenizer_;
  std::array<Token, 256> bytes_{};                    // -1: no token
  std::unordered_map<std::uint64_t, Merged> merges_;  // by left << 32 | right
};

}  // namespace pennyweight::llm
