// Things sorted by name, to be found and to be known as different. Private to this folder.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

namespace pennyweight::llm {

// Indices of `items` sorted by name; then two equal names are neighbours.
template <class Items, class Name>
std::vector<std::size_t> sorted_by_name(const Items& items, Name name) {
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return name(items[a]) < name(items[b]); });
  return order;
}

// Null when all differ.
template <class Items, class Name>
const std::string* repeated_name(const Items& items, const std::vector<std::size_t>& order,
                                 Name name) {
  const auto twice = std::adjacent_find(
      order.begin(), order.end(),
      [&](std::size_t a, std::size_t b) { return name(items[a]) == name(items[b]); });
  return twice == order.end() ? nullptr : &name(items[*twice]);
}

inline const auto kTensorName = [](const auto& tensor) -> const std::string& {
  return tensor.name;
};
inline const auto kMetadataKey = [](const auto& entry) -> const std::string& {
  return entry.first;
};

}  // namespace pennyweight::llm
