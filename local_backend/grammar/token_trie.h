// The texts of a vocabulary as a tree over their bytes: what many tokens begin with is looked at
// once. Immutable after building: any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "local_backend/tokenizer.h"

namespace pennyweight::llm {

class TokenTrie {
 public:
  // Tokens without text (control tokens) and those that end an answer are not in it.
  explicit TokenTrie(const Tokenizer& tokenizer);

  // A beginning of a token's text, in depth-first order.
  struct Node {
    std::uint8_t byte = 0;                          // its last
    std::uint32_t depth = 0;                        // its length
    std::uint32_t after = 0;                        // the first node that does not begin with it
    std::uint32_t first_token = 0, last_token = 0;  // tokens of exactly this text, last excluded
  };
  std::span<const Node> nodes() const { return nodes_; }
  std::span<const Token> tokens(const Node& node) const {
    return std::span(tokens_).subspan(node.first_token, node.last_token - node.first_token);
  }
  std::span<const Token> ends() const { return ends_; }  // those that end an answer
  std::size_t vocabulary_size() const { return vocabulary_size_; }
  std::uint32_t depth() const { return depth_; }  // of the deepest node

 private:
  std::vector<Node> nodes_;
  std::vector<Token> tokens_, ends_;
  std::size_t vocabulary_size_ = 0;
  std::uint32_t depth_ = 0;
};

}  // namespace pennyweight::llm
