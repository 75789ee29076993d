// JSON schemas that must hold together. Texts in and out: the JSON library stays out of headers.
#pragma once

#include <string>

#include "metrics/base/result.h"

namespace pennyweight::llm {

// One schema that allows what both allow: both are objects, without $ref. The error's `what` names
// the keyword that cannot be merged.
Result<std::string> merge_schemas(const std::string& a, const std::string& b);

// True only if no value can be valid for both: another type, another constant, or a required
// property that differs so.
bool exclude_each_other(const std::string& a, const std::string& b);

}  // namespace pennyweight::llm
