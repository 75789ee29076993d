// Strings of a JSON schema as GBNF expressions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "local_backend/grammar/gbnf_text.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct StringRule {
  std::optional<std::size_t> least, most;  // characters
  std::optional<std::string> pattern, format;
};

// The error's `what` says what is not supported, or what nothing fulfils.
Result<std::string> string_rule(const StringRule& rule, GbnfText& text);

}  // namespace pennyweight::llm
