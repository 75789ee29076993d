// Enums as the words that are stored and exported: a table in the order of the enum, append only.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace pennyweight {

template <class E, std::size_t N>
std::string_view word_of(E value, const std::array<std::string_view, N>& words) {
  const auto i = static_cast<std::size_t>(value);
  return i < N ? words[i] : std::string_view("unknown");
}

template <class E, std::size_t N>
std::optional<E> find_word(std::string_view word, const std::array<std::string_view, N>& words) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<E>(found - words.begin());
}

}  // namespace pennyweight
