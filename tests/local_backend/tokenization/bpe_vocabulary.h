// A byte-level vocabulary made by hand: one token for each byte, then what a test adds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "local_backend/tokenization/byte_alphabet.h"
#include "local_backend/tokenizer.h"
#include "tests/local_backend/gguf/gguf_bytes.h"

namespace pennyweight::test {

struct BpeVocabulary {
  std::vector<std::string> texts;
  std::vector<std::int32_t> types;
  std::vector<std::string> merges;
  std::optional<std::string> pre = "gpt-2";
  GgufBytes more;  // keys besides
  std::uint64_t more_keys = 0;

  BpeVocabulary() {
    for (int b = 0; b < 256; ++b) {
      add(std::string(llm::spelled_in_alphabet(static_cast<unsigned char>(b))));
    }
  }
  llm::Token add(std::string text, std::int32_t type = 1) {
    texts.push_back(std::move(text));
    types.push_back(type);
    return static_cast<llm::Token>(texts.size() - 1);
  }
  // The token that the two become.
  llm::Token merge(const std::string& left, const std::string& right) {
    merges.push_back(left + " " + right);
    return add(left + right);
  }
  template <class T>
  void key(std::string_view name, std::uint32_t type, T value) {
    more.key("tokenizer.ggml." + std::string(name), type, value);
    ++more_keys;
  }
  std::string file() const {
    GgufBytes out;
    out.preamble(0, 4 + (pre ? 1 : 0) + more_keys).text_key("tokenizer.ggml.model", "gpt2");
    if (pre) out.text_key("tokenizer.ggml.pre", *pre);
    out.texts_key("tokenizer.ggml.tokens", texts)
        .numbers_key("tokenizer.ggml.token_type", kI32, types)
        .texts_key("tokenizer.ggml.merges", merges);
    return out.bytes + more.bytes;
  }
  Result<llm::Tokenizer> try_load() const {
    return llm::Tokenizer::load(parse_gguf(file()).value());
  }
  llm::Tokenizer load() const { return try_load().value(); }
};

}  // namespace pennyweight::test
