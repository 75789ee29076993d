// Which tasks, and in which order: by hash, so that a subset stays the same when rows are added and
// a sorted file biases nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "datasets/task_set.h"

namespace pennyweight {

// The `limit` rows with the least SHA-256(seed + "\n" + id), in that order; all rows without a
// limit.
std::vector<std::size_t> select(const TaskSet& set, std::uint64_t seed,
                                std::optional<std::size_t> limit);

}  // namespace pennyweight
