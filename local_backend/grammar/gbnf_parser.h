// GBNF text to a tree of rules. Private to Grammar.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/grammar/grammar.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

inline constexpr std::uint32_t kUnbounded = std::numeric_limits<std::uint32_t>::max();

struct GrammarExpression {
  enum class Kind : std::uint8_t { match, call, sequence, choice, repeat };
  Kind kind = Kind::sequence;
  std::uint32_t index = 0;  // match: of GrammarTree::classes; call: of GrammarTree::rules
  std::uint32_t least = 0, most = kUnbounded;  // repeat, of the one part
  std::vector<GrammarExpression> parts = {};
};

struct GrammarTree {
  struct Rule {
    std::string name;
    int line = 0;  // where it is first named
    bool defined = false;
    GrammarExpression body = {};
  };
  std::vector<Rule> rules;
  std::vector<CharClass> classes;  // each once
  std::uint32_t root = 0;
};

// Every rule that is named is there.
Result<GrammarTree> parse_gbnf(std::string_view text);

}  // namespace pennyweight::llm
