// JSON schemas that must hold together. Texts in and out: the JSON library stays out of headers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight::llm {

// One schema that allows what both allow: both are objects, without $ref. The error's `what` names
// the keyword that cannot be merged.
Result<std::string> merge_schemas(const std::string& a, const std::string& b);

// The first two schemas that one value may be valid for both: neither of another type, nor of
// another constant, nor with a required property that differs so. By the later one's place, the
// lower first.
std::optional<std::pair<std::size_t, std::size_t>> first_overlap(
    const std::vector<std::string>& schemas);

}  // namespace pennyweight::llm
