// Symbols in a row of which the best two neighbours become one, again and again: the common part of
// both kinds of byte-pair encoding. Private to tokenizer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "local_backend/tokenizer.h"

namespace pennyweight::llm {

// Kept and refilled, it does not allocate for each word. O(n log n).
class NeighbourMerger {
 public:
  struct Symbol {
    std::size_t begin, length;  // bytes of the text; length 0: merged into its left neighbour
    Token token;                // -1: none of the vocabulary
    std::size_t previous, next;
  };
  struct Merged {
    Token token;     // -1: these two stay apart
    float priority;  // the greatest merges first, of equal ones the leftmost
  };

  void clear() {
    symbols_.clear();
    merges_.clear();
  }
  void add(std::size_t length, Token token) {
    const std::size_t i = symbols_.size();
    const std::size_t begin = i == 0 ? 0 : symbols_.back().begin + symbols_.back().length;
    if (i > 0) symbols_.back().next = i;
    symbols_.push_back({begin, length, token, i == 0 ? kNone : i - 1, kNone});
  }

  // `merged(left, right)` says what two symbols become.
  template <class Rule>
  void run(const Rule& merged) {
    for (std::size_t i = 1; i < symbols_.size(); ++i) consider(i - 1, i, merged);
    std::make_heap(merges_.begin(), merges_.end());
    while (!merges_.empty()) {
      std::pop_heap(merges_.begin(), merges_.end());
      const Merge merge = merges_.back();
      merges_.pop_back();
      Symbol& left = symbols_[merge.left];
      Symbol& right = symbols_[merge.right];
      if (left.length == 0 || right.length == 0 || left.length + right.length != merge.length) {
        continue;
      }
      left.length = merge.length;
      left.token = merge.token;
      right.length = 0;
      left.next = right.next;
      if (right.next != kNone) symbols_[right.next].previous = merge.left;
      if (left.previous != kNone) push(left.previous, merge.left, merged);
      if (left.next != kNone) push(merge.left, left.next, merged);
    }
  }

  template <class Use>
  void for_each(const Use& use) const {
    for (std::size_t i = symbols_.empty() ? kNone : 0; i != kNone; i = symbols_[i].next) {
      use(symbols_[i]);
    }
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  struct Merge {
    float priority;
    Token token;
    std::size_t left, right;
    std::size_t length;  // of both: a symbol that has grown since makes the merge stale
    // As std::push_heap wants it: the best is not less than any other.
    bool operator<(const Merge& other) const {
      return priority < other.priority || (priority == other.priority && left > other.left);
    }
  };

  template <class Rule>
  bool consider(std::size_t left, std::size_t right, const Rule& merged) {
    const auto [token, priority] = merged(symbols_[left], symbols_[right]);
    if (token == -1) return false;
    merges_.push_back(
        {priority, token, left, right, symbols_[left].length + symbols_[right].length});
    return true;
  }
  template <class Rule>
  void push(std::size_t left, std::size_t right, const Rule& merged) {
    if (consider(left, right, merged)) std::push_heap(merges_.begin(), merges_.end());
  }

  std::vector<Symbol> symbols_;
  std::vector<Merge> merges_;
};

}  // namespace pennyweight::llm
