// One generated set a file: a generator makes row i from the seed and i alone, so that a shorter
// set is the beginning of a longer one.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "metrics/base/random.h"
#include "metrics/base/result.h"
#include "metrics/base/text_template.h"

namespace pennyweight {

inline constexpr std::uint64_t kLevels = 4;

using Questions = std::set<std::string>;  // none is asked twice

// A stream of its own for each row of each set; a row that turns out degenerate draws on.
inline Random row_stream(std::uint64_t seed, std::uint32_t set, std::uint64_t row) {
  return Random(seed, Stream::synthesis, std::uint64_t{set} << 32 | row);
}

// {"id", "group", "tags", "vars", "target", "scorer", "meta"}. An error is a bug: two computations
// of an answer that disagree.
Result<Value> make_table_arith_row(std::uint64_t seed, std::uint64_t row, Questions& asked);
Result<Value> make_ko_number_row(std::uint64_t seed, std::uint64_t row, Questions& asked);

// {"id": "set/0007", "group": set, "tags": ["level:3"], "meta": {"level": 3}}, to be completed.
Value generated_row(const char* set, std::uint64_t row, std::uint64_t level);

}  // namespace pennyweight
