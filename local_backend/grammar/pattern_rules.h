// JSON schema's "pattern": regular expressions as GBNF over the text between the quotes.
#pragma once

#include <string>
#include <string_view>

#include "metrics/base/result.h"

namespace pennyweight::llm {

// ECMA-262 without assertions inside, back references and flags: characters, classes, \d \w \s,
// groups, alternatives, repetitions, ^ at the beginning and $ at the end. Where it is not anchored,
// the result begins or ends with char*. The error says what is not supported.
Result<std::string> gbnf_of_pattern(std::string_view pattern);

}  // namespace pennyweight::llm
