#include "local_backend/grammar/token_trie.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace pennyweight::llm {
namespace {

std::size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

TokenTrie::TokenTrie(const Tokenizer& tokenizer)
    : vocabulary_size_(static_cast<std::size_t>(tokenizer.size())) {
  std::vector<std::pair<std::string_view, Token>> texts;
  for (Token token = 0; token < tokenizer.size(); ++token) {
    if (tokenizer.ends_generation(token)) {
      ends_.push_back(token);
    } else if (const auto text = tokenizer.piece(token); !text.empty()) {
      texts.emplace_back(text, token);
    }
  }
  std::ranges::sort(texts);
  std::vector<std::size_t> open;  // nodes from the root to the latest
  const auto close = [&](std::size_t depth) {
    for (; open.size() > depth; open.pop_back())
      nodes_[open.back()].after = static_cast<std::uint32_t>(nodes_.size());
  };
  std::string_view before;
  for (const auto& [text, token] : texts) {
    close(common_prefix(before, text));
    while (open.size() < text.size()) {
      const char byte = text[open.size()];
      open.push_back(nodes_.size());
      const auto at = static_cast<std::uint32_t>(tokens_.size());
      nodes_.push_back(
          {static_cast<std::uint8_t>(byte), static_cast<std::uint32_t>(open.size()), 0, at, at});
    }
    tokens_.push_back(token);
    nodes_[open.back()].last_token = static_cast<std::uint32_t>(tokens_.size());
    depth_ = std::max(depth_, static_cast<std::uint32_t>(text.size()));
    before = text;
  }
  close(0);
}

}  // namespace pennyweight::llm
