#include "datasets/selection.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "metrics/base/hash.h"

namespace pennyweight {

std::vector<std::size_t> select(const TaskSet& set, std::uint64_t seed,
                                std::optional<std::size_t> limit) {
  std::vector<std::string> keys;
  keys.reserve(set.size());
  for (std::size_t row = 0; row < set.size(); ++row) {
    keys.push_back(sha256(std::to_string(seed) + "\n" + set.id(row)));
  }
  std::vector<std::size_t> rows(set.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  std::sort(rows.begin(), rows.end(),
            [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  if (limit && *limit < rows.size()) rows.resize(*limit);
  return rows;
}

}  // namespace pennyweight
