#include "local_backend/tokenization/spm_merge.h"

#include <algorithm>

#include "local_backend/tokenization/neighbour_merger.h"

namespace pennyweight::llm {
namespace {

// As its first byte says, as far as the following bytes agree: a damaged character must not swallow
// the blank behind it.
std::size_t character_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t promised = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::size_t length = 1;
  while (length < std::min(promised, text.size()) && (text[length] & 0xc0) == 0x80) ++length;
  return length;
}

}  // namespace

void append_spm_tokens(const Vocabulary& vocabulary, std::string_view text,
                       std::vector<Token>& out) {
  using Symbol = NeighbourMerger::Symbol;
  NeighbourMerger merger;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text.substr(at));
    merger.add(length, vocabulary.find(text.substr(at, length)));
    at += length;
  }
  merger.run([&](const Symbol& left, const Symbol& right) {
    const Token token = vocabulary.find(text.substr(left.begin, left.length + right.length));
    return NeighbourMerger::Merged{token, token == -1 ? 0 : vocabulary.entry(token).score};
  });
  merger.for_each([&](const Symbol& symbol) {
    if (symbol.token != -1) {
      out.push_back(symbol.token);
      return;
    }
    for (const char c : text.substr(symbol.begin, symbol.length)) {
      const Token byte = vocabulary.of_byte(static_cast<unsigned char>(c));
      if (byte != -1) out.push_back(byte);
    }
  });
}

}  // namespace pennyweight::llm
