// Any bytes are a byte-level vocabulary, merges and a text, or an error; what loads gives the text
// back, and never lets it become control tokens.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "local_backend/tokenization/pre_tokenizer.h"
#include "tests/local_backend/tokenization/bpe_vocabulary.h"

namespace tokenizer_fuzzer {

using namespace pennyweight::llm;
using pennyweight::test::BpeVocabulary;

inline void check(bool fact) {
  if (!fact) std::abort();
}

// The bytes up to the next line end.
inline std::string_view line_of(std::string_view& input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view line = input.substr(0, end);
  input.remove_prefix(std::min(end + 1, input.size()));
  return line;
}

// Lines: the number of a pre-tokenizer as a byte; tokens, each after its type, up to an empty line;
// merges up to an empty line; the rest is the text.
inline BpeVocabulary vocabulary_of(std::string_view& input) {
  BpeVocabulary v;
  const auto all = pre_tokenizers();
  const std::string_view first = line_of(input);
  const auto number = first.empty() ? 0u : static_cast<unsigned char>(first[0]);
  v.pre = number < all.size() ? std::string(all[number].name) : std::string(first);
  for (auto line = line_of(input); !line.empty(); line = line_of(input)) {
    v.add(std::string(line.substr(1)), line[0] >= '0' && line[0] <= '9' ? line[0] - '0' : 1);
  }
  for (auto line = line_of(input); !line.empty(); line = line_of(input)) {
    v.merges.emplace_back(line);
  }
  return v;
}

inline void check_text(const Tokenizer& tokenizer, std::string_view text, bool whole) {
  const auto tokens = tokenizer.encode(text, Specials::as_text);
  for (const Token token : tokens) {
    check(token >= 0 && token < tokenizer.size());
    check(tokenizer.piece(token) == tokenizer.piece(token, true));
  }
  if (whole) check(tokenizer.decode(tokens) == text);
  for (const Token token : tokenizer.encode(text, Specials::parse)) {
    check(token >= 0 && token < tokenizer.size());
  }
}

inline void run(std::string_view input) {
  const BpeVocabulary vocabulary = vocabulary_of(input);
  const auto tokenizer = vocabulary.try_load();
  if (!tokenizer) {
    check(!tokenizer.error().what.empty());
    return;
  }
  // Tokens of the types undefined and unused stand for nothing.
  const auto silent = [](std::int32_t type) { return type == 0 || type == 5; };
  check_text(*tokenizer, input,
             std::none_of(vocabulary.types.begin(), vocabulary.types.end(), silent));
}

}  // namespace tokenizer_fuzzer

#ifndef PENNYWEIGHT_CORPUS_TEST
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tokenizer_fuzzer::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
#endif
