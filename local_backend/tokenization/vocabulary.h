// The tokens of a file, checked. Private to tokenizer. Immutable after loading: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "local_backend/tokenizer.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct PreTokenizerSpec;

enum class TokenType : std::uint8_t {
  undefined = 0,
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6,
};

// For return: what is wrong with the arrays of a file.
tl::unexpected<Error> damaged_tokenizer(std::string what);

class Vocabulary {
 public:
  static Result<std::unique_ptr<Vocabulary>> load(const GgufFile& file);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  struct Entry {
    std::string text;   // as in the file
    std::string piece;  // the bytes it stands for
    float score = 0;
    TokenType type = TokenType::normal;
    bool strips_right = false;  // white space after it belongs to it
    bool ends_generation = false;
    bool is_special() const { return type == TokenType::control || type == TokenType::unknown; }
  };
  std::size_t size() const { return entries_.size(); }
  const Entry& entry(Token token) const { return entries_[static_cast<std::size_t>(token)]; }
  bool contains(Token token) const {
    return token >= 0 && static_cast<std::size_t>(token) < entries_.size();
  }
  // A token that ordinary text may become, or -1: control, unknown and byte tokens are never found
  // by their spelling.
  Token find(std::string_view text) const;
  Token of_byte(unsigned char byte) const { return byte_tokens_[byte]; }  // -1: drop it

  const PreTokenizerSpec* pre_tokenizer = nullptr;  // of byte-level BPE; null: SPM
  bool names_pre_tokenizer = false;                 // else the file left it to the default
  Token bos = 1, eos = 2, unknown = 0;              // -1: none
  bool add_bos = true, add_space_prefix = true;

 private:
  Vocabulary() = default;
  Result<void> load_model(const GgufFile& file);
  Result<void> load_entries(const GgufFile& file);
  Result<void> load_special_ids(const GgufFile& file);
  Result<void> load_flags(const GgufFile& file);
  Result<std::string> piece_of(const Entry& entry) const;
  void settle_ends();
  void strip_as_phi3();
  void index();

  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, Token> by_text_;
  std::array<Token, 256> byte_tokens_{};
  std::size_t longest_ = 0;
};

}  // namespace pennyweight::llm
