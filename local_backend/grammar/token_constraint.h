// Which tokens may come next in one answer that a grammar binds.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "local_backend/grammar/grammar_matcher.h"
#include "local_backend/grammar/token_trie.h"
#include "local_backend/sampler.h"
#include "local_backend/tokenizer.h"

namespace pennyweight::llm {

// A token is legal when the answer can go on to something whole after all its bytes, be it inside a
// character; one that ends the answer, when what there is is whole. One thread at a time; the
// tokenizer must outlive it.
class TokenConstraint final : public LegalTokens {
 public:
  TokenConstraint(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie,
                  const Tokenizer& tokenizer);

  bool allows(Token token) override;
  const std::vector<bool>& all() override;
  // `token` is the next of the answer; it was legal.
  void accept(Token token);
  // The answer is whole and nothing may follow.
  bool finished() const { return matcher_.ended(state_); }
  // The grammar has more ways to read the answer than the limits allow; nothing is legal any more.
  bool overflowed() const { return matcher_.overflowed(); }

 private:
  GrammarMatcher::State after(Token token);

  GrammarMatcher matcher_;
  std::shared_ptr<const TokenTrie> trie_;
  const Tokenizer& tokenizer_;
  GrammarMatcher::State state_ = GrammarMatcher::kDead;
  std::vector<bool> legal_;
  bool legal_known_ = false;                 // of state_
  std::vector<GrammarMatcher::State> path_;  // by depth in the trie
};

}  // namespace pennyweight::llm
