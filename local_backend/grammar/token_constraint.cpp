#include "local_backend/grammar/token_constraint.h"

#include <utility>

namespace pennyweight::llm {

using State = GrammarMatcher::State;

TokenConstraint::TokenConstraint(std::shared_ptr<const Grammar> grammar,
                                 std::shared_ptr<const TokenTrie> trie, const Tokenizer& tokenizer)
    : matcher_(std::move(grammar)), trie_(std::move(trie)), tokenizer_(tokenizer) {
  state_ = matcher_.start();
}

State TokenConstraint::after(Token token) {
  const auto bytes = tokenizer_.piece(token);
  State state = bytes.empty() ? GrammarMatcher::kDead : state_;
  for (const char byte : bytes) {
    if (state == GrammarMatcher::kDead) break;
    state = matcher_.next(state, static_cast<std::uint8_t>(byte));
  }
  return state;
}

bool TokenConstraint::allows(Token token) {
  if (legal_known_) return legal_[static_cast<std::size_t>(token)];
  if (matcher_.overflowed()) return false;
  if (tokenizer_.ends_generation(token)) return matcher_.complete(state_);
  return after(token) != GrammarMatcher::kDead;
}

const std::vector<bool>& TokenConstraint::all() {
  if (legal_known_) return legal_;
  legal_.assign(trie_->vocabulary_size(), false);
  path_.assign(trie_->depth() + 1, GrammarMatcher::kDead);
  path_[0] = state_;
  const auto nodes = trie_->nodes();
  for (std::size_t i = 0; i < nodes.size() && state_ != GrammarMatcher::kDead;) {
    const TokenTrie::Node& node = nodes[i];
    const State state = matcher_.next(path_[node.depth - 1], node.byte);
    path_[node.depth] = state;
    i = state == GrammarMatcher::kDead ? node.after : i + 1;
    if (state == GrammarMatcher::kDead) continue;
    for (const Token token : trie_->tokens(node)) legal_[static_cast<std::size_t>(token)] = true;
  }
  if (matcher_.overflowed()) legal_.assign(legal_.size(), false);
  if (!matcher_.overflowed() && matcher_.complete(state_))
    for (const Token token : trie_->ends()) legal_[static_cast<std::size_t>(token)] = true;
  legal_known_ = true;
  return legal_;
}

void TokenConstraint::accept(Token token) {
  if (!tokenizer_.ends_generation(token)) state_ = matcher_.settle(after(token));
  legal_known_ = false;
}

}  // namespace pennyweight::llm
