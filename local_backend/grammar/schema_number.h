// A JSON schema's bounds of a number to a rule. Text in: the JSON library stays out of headers.
#pragma once

#include <string>

#include "metrics/base/result.h"

namespace pennyweight::llm {

// `bounds`: an object of one at least of minimum, maximum, exclusiveMinimum, exclusiveMaximum.
// A GBNF expression; the error's `what` says which keyword cannot be kept to.
Result<std::string> number_rule(const std::string& bounds, bool integer);

}  // namespace pennyweight::llm
