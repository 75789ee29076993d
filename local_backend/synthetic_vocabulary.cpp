#include "local_backend/synthetic_vocabulary.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include <fmt/format.h>

namespace pennyweight::llm {
namespace {

enum TokenType : std::int64_t { normal = 1, unknown = 2, control = 3, byte = 6 };

constexpr std::string_view kBlank = "\xe2\x96\x81";  // U+2581 stands for the space

constexpr std::string_view kCommonWords =
    "the of and to in is that for it as was with be on not by are this at from have or an they "
    "which one you were all there would their we been has when who will no more if out so up what "
    "its about than into them can only other time new some could these two may first then do any "
    "now over such our most made after also many before must well back through where much your way "
    "should because each just those people how good make very year work same another under last "
    "answer question number total invoice customer table row column sum price paper contract date "
    "month name value write text list data letter choose correct word given following result";

class Builder {
 public:
  explicit Builder(std::size_t size) : size_(size) {}
  bool full() const { return vocabulary_.texts.size() >= size_; }
  void special(std::string text, TokenType type) { append(std::move(text), 0, type); }
  void piece(const std::string& text) {
    if (full() || !seen_.insert(text).second) return;
    append(text, -static_cast<double>(seen_.size()), normal);
  }
  SyntheticVocabulary& vocabulary() { return vocabulary_; }

 private:
  void append(std::string text, double score, TokenType type) {
    vocabulary_.texts.push_back(std::move(text));
    vocabulary_.scores.push_back(score);
    vocabulary_.types.push_back(type);
  }
  std::size_t size_;
  SyntheticVocabulary vocabulary_;
  std::unordered_set<std::string> seen_;
};

void add_characters(Builder& out) {
  out.piece(std::string(kBlank));
  for (char c = 'a'; c <= 'z'; ++c) out.piece(std::string(1, c));
  for (char c = '!'; c <= '~'; ++c) out.piece(std::string(1, c));
}

// Every beginning of a word is a piece, so that merges lead to it.
void add_common_words(Builder& out) {
  std::string_view rest = kCommonWords;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    for (std::size_t n = 1; n <= word.size(); ++n) {
      out.piece(std::string(kBlank).append(word.substr(0, n)));
    }
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
}

std::string syllable(std::size_t i) {
  constexpr std::string_view kConsonants = "bdfgklmnprstvzhj", kVowels = "aeiou";
  return {kConsonants[i / 5 % 16], kVowels[i % 5]};
}

// Made-up words of one, two, three ... syllables. Stepping by a number that shares no factor with
// the count visits each once and mixes them.
void add_made_up_words(Builder& out) {
  constexpr std::size_t kSyllables = 80;
  for (std::size_t i = 0; i < kSyllables; ++i) out.piece(syllable(i));
  std::size_t count = kSyllables;
  for (std::size_t length = 1; !out.full(); ++length, count *= kSyllables) {
    constexpr std::size_t kStep = 190'027;  // prime
    for (std::size_t i = 0; i < count && !out.full(); ++i) {
      std::string word(kBlank);
      std::size_t digits = i * kStep % count;
      for (std::size_t n = 0; n < length; ++n, digits /= kSyllables) word += syllable(digits);
      out.piece(word);
    }
  }
}

}  // namespace

SyntheticVocabulary synthetic_vocabulary(std::size_t size) {
  Builder out(size);
  out.special("<unk>", unknown);
  out.special("<s>", control);
  out.special("</s>", control);
  for (int b = 0; b < 256; ++b) out.special(fmt::format("<0x{:02X}>", b), byte);
  out.special("<|im_start|>", control);
  out.vocabulary().end_of_turn = static_cast<std::int32_t>(out.vocabulary().texts.size());
  out.special("<|im_end|>", control);
  out.vocabulary().first_piece = out.vocabulary().texts.size();
  add_characters(out);
  add_common_words(out);
  add_made_up_words(out);
  return std::move(out.vocabulary());
}

}  // namespace pennyweight::llm
