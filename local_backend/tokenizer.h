// Text to tokens and back, as the model's own file says. Immutable after loading: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight::llm {

class GgufFile;

using Token = std::int32_t;

enum class Specials : std::uint8_t {
  as_text,  // control tokens spelled in the text are ordinary characters (user content)
  parse,    // control tokens spelled in the text become their ids (templates)
};

// Bytes [begin, end) of a text.
struct TextRange {
  std::size_t begin = 0, end = 0;
};

class Tokenizer {
 public:
  // Reads tokenizer.ggml.*: checks array lengths and types, special ids, byte tokens and merges.
  // Names a tokenizer model or pre-tokenizer that is not supported, with the list of those that are
  // (docs/tokenizers.md).
  static Result<Tokenizer> load(const GgufFile& file);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Without the tokens that mark beginning and end; add_bos() says whether the model wants one.
  // Never fails: what is not in the vocabulary becomes byte tokens, or the unknown token (BPE
  // without a token for a byte: nothing).
  std::vector<Token> encode(std::string_view text, Specials specials) const;
  // Specials::parse, but as_text wherever a spelling touches one of `literal` (ascending,
  // disjoint): a template with content in it. Ordinary tokens may span the border.
  std::vector<Token> encode(std::string_view text, std::span<const TextRange> literal) const;
  // The same of a whole prompt: with BOS exactly once where the model wants one.
  std::vector<Token> encode_prompt(std::string_view text, std::span<const TextRange> literal) const;
  // The bytes one token stands for: may be part of a UTF-8 character. Control tokens give "" unless
  // `show_control`. Empty for an id outside the vocabulary.
  std::string_view piece(Token token, bool show_control = false) const;
  // Concatenated pieces, without the blank that SPM puts before the first word. Ids outside the
  // vocabulary add nothing.
  std::string decode(std::span<const Token> tokens, bool show_control = false) const;

  std::string description() const;  // "SPM", "BPE, pre-tokenizer llama-bpe"
  // The file does not name its pre-tokenizer: "default" stands in, as in other engines, and tokens
  // may not be those the model was trained on.
  bool guessed() const;
  int size() const;
  Token bos() const;  // -1 when the model has none
  Token eos() const;
  bool add_bos() const;
  bool ends_generation(Token token) const;   // eos, eot, eom and their known spellings
  std::string_view text(Token token) const;  // as spelled in the file, for templates

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace pennyweight::llm
