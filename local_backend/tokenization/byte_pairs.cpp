#include "local_backend/tokenization/byte_pairs.h"

#include <string>
#include <unordered_set>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/tokenization/byte_alphabet.h"
#include "local_backend/tokenization/neighbour_merger.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t kMostMerges = std::size_t{1} << 24;  // ranks that a float holds exactly

std::uint64_t pair_of(Token left, Token right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

BytePairs::BytePairs(const Vocabulary& vocabulary, PreTokenizer pre_tokenizer)
    : vocabulary_(&vocabulary), pre_tokenizer_(std::move(pre_tokenizer)) {
  for (std::size_t b = 0; b < bytes_.size(); ++b) {
    bytes_[b] = vocabulary.find(spelled_in_alphabet(static_cast<unsigned char>(b)));
  }
}

Result<BytePairs> BytePairs::load(const GgufFile& file, const Vocabulary& vocabulary) {
  const auto merges = file.array_value("tokenizer.ggml.merges");
  if (!merges) return fail(merges.error());
  if (*merges == nullptr || (*merges)->kind != GgufArray::Kind::text) {
    return damaged_tokenizer("tokenizer.ggml.merges is not a list of texts");
  }
  if ((*merges)->texts.size() > kMostMerges) return damaged_tokenizer("more than 2^24 merges");
  auto pre_tokenizer = PreTokenizer::create(*vocabulary.pre_tokenizer);
  if (!pre_tokenizer) return fail(pre_tokenizer.error());
  BytePairs out(vocabulary, std::move(*pre_tokenizer));
  if (auto loaded = out.load_merges((*merges)->texts); !loaded) return fail(loaded.error());
  return out;
}

Result<void> BytePairs::load_merges(const std::vector<std::string>& merges) {
  // Such a token never comes out of text; a merge with one is left out.
  std::unordered_set<std::string_view> unreachable;
  for (std::size_t i = 0; i < vocabulary_->size(); ++i) {
    const auto& entry = vocabulary_->entry(static_cast<Token>(i));
    if (vocabulary_->find(entry.text) == -1) unreachable.insert(entry.text);
  }
  merges_.reserve(merges.size());
  std::string both;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const std::string_view merge = merges[i];
    const std::size_t blank = merge.find(' ', 1);
    if (blank == std::string_view::npos || blank + 1 == merge.size()) {
      return damaged_tokenizer("merge " + std::to_string(i) + " is not two texts");
    }
    both.assign(merge.substr(0, blank)).append(merge.substr(blank + 1));
    Token tokens[3];
    bool applies = true;
    const std::string_view texts[] = {merge.substr(0, blank), merge.substr(blank + 1), both};
    for (std::size_t t = 0; t < 3; ++t) {
      tokens[t] = vocabulary_->find(texts[t]);
      if (tokens[t] != -1) continue;
      if (unreachable.count(texts[t]) == 0) {
        return damaged_tokenizer("\"" + std::string(texts[t]) + "\" of merge " + std::to_string(i) +
                                 " is no token");
      }
      applies = false;
    }
    // Of equal merges the first counts.
    if (applies) {
      merges_.emplace(pair_of(tokens[0], tokens[1]), Merged{static_cast<float>(i), tokens[2]});
    }
  }
  return {};
}

void BytePairs::append_tokens(std::string_view text, std::vector<Token>& out) const {
  NeighbourMerger merger;
  std::size_t begin = 0;
  for (const std::size_t end : pre_tokenizer_.split(text)) {
    append_word(text.substr(begin, end - begin), merger, out);
    begin = end;
  }
}

Token BytePairs::whole(std::string_view word) const {
  std::string spelled;
  for (const char c : word) spelled += spelled_in_alphabet(static_cast<unsigned char>(c));
  return vocabulary_->find(spelled);
}

void BytePairs::append_word(std::string_view word, NeighbourMerger& merger,
                            std::vector<Token>& out) const {
  using Symbol = NeighbourMerger::Symbol;
  if (vocabulary_->pre_tokenizer->keeps_words) {
    if (const Token token = whole(word); token != -1) {
      out.push_back(token);
      return;
    }
  }
  merger.clear();
  for (const char c : word) merger.add(1, bytes_[static_cast<unsigned char>(c)]);
  merger.run([this](const Symbol& left, const Symbol& right) {
    const auto found = merges_.find(pair_of(left.token, right.token));
    return found == merges_.end()
               ? NeighbourMerger::Merged{-1, 0}
               : NeighbourMerger::Merged{found->second.token, -found->second.rank};
  });
  merger.for_each([&out](const Symbol& symbol) {
    if (symbol.token != -1) out.push_back(symbol.token);
  });
}

}  // namespace pennyweight::llm
