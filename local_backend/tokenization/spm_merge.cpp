#include "local_backend/tokenization/spm_merge.h"

#include <algorithm>

namespace pennyweight::llm {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

struct Symbol {
  std::size_t begin, length;  // length 0: merged into its left neighbour
  std::size_t previous, next;
};

struct Merge {
  float score;
  std::size_t left, right;
  std::size_t length;  // of both: a symbol that has grown since makes the merge stale
  // As std::push_heap wants it: the best is not less than any other.
  bool operator<(const Merge& other) const {
    return score < other.score || (score == other.score && left > other.left);
  }
};

// As its first byte says, as far as the following bytes agree: a damaged character must not swallow
// the blank behind it.
std::size_t character_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t promised = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::size_t length = 1;
  while (length < std::min(promised, text.size()) && (text[length] & 0xc0) == 0x80) ++length;
  return length;
}

class Merger {
 public:
  Merger(const Vocabulary& vocabulary, std::string_view text)
      : vocabulary_(vocabulary), text_(text) {
    symbols_.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t length = character_length(text.substr(at));
      const std::size_t i = symbols_.size();
      symbols_.push_back({at, length, i == 0 ? kNone : i - 1, i + 1});
      at += length;
    }
    symbols_.back().next = kNone;
  }

  void run() {
    for (std::size_t i = 1; i < symbols_.size(); ++i) consider(i - 1, i);
    std::make_heap(merges_.begin(), merges_.end());
    heaped_ = true;
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
      right.length = 0;
      left.next = right.next;
      if (right.next != kNone) symbols_[right.next].previous = merge.left;
      if (left.previous != kNone) consider(left.previous, merge.left);
      if (left.next != kNone) consider(merge.left, left.next);
    }
  }

  void append_to(std::vector<Token>& out) const {
    for (std::size_t i = 0; i != kNone; i = symbols_[i].next) {
      const std::string_view symbol = text_.substr(symbols_[i].begin, symbols_[i].length);
      if (const Token token = vocabulary_.find(symbol); token != -1) {
        out.push_back(token);
        continue;
      }
      for (const char c : symbol) {
        const Token byte = vocabulary_.of_byte(static_cast<unsigned char>(c));
        if (byte != -1) out.push_back(byte);
      }
    }
  }

 private:
  void consider(std::size_t left, std::size_t right) {
    const std::size_t length = symbols_[left].length + symbols_[right].length;
    const Token token = vocabulary_.find(text_.substr(symbols_[left].begin, length));
    if (token == -1) return;
    merges_.push_back({vocabulary_.entry(token).score, left, right, length});
    if (heaped_) std::push_heap(merges_.begin(), merges_.end());
  }

  const Vocabulary& vocabulary_;
  std::string_view text_;
  std::vector<Symbol> symbols_;
  std::vector<Merge> merges_;
  bool heaped_ = false;
};

}  // namespace

void append_spm_tokens(const Vocabulary& vocabulary, std::string_view text,
                       std::vector<Token>& out) {
  if (text.empty()) return;
  Merger merger(vocabulary, text);
  merger.run();
  merger.append_to(out);
}

}  // namespace pennyweight::llm
