#include "local_backend/tokenization/pre_tokenizer.h"

#include <algorithm>

#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

// Bytes of the valid character that `text` begins with, 0 where it begins with none.
std::size_t valid_character(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return is_valid_utf8(text.substr(0, length)) ? length : 0;
}

}  // namespace

const PreTokenizerSpec* find_pre_tokenizer(std::string_view name) {
  const auto all = pre_tokenizers();
  const auto found = std::find_if(
      all.begin(), all.end(), [name](const PreTokenizerSpec& spec) { return spec.name == name; });
  return found == all.end() ? nullptr : &*found;
}

Result<PreTokenizer> PreTokenizer::create(const PreTokenizerSpec& spec) {
  PreTokenizer out;
  for (const PreTokenizerStep& step : spec.steps) {
    if (const auto* rules = std::get_if<WordRules>(&step)) {
      out.steps_.emplace_back(*rules);
      continue;
    }
    auto pattern = SplitPattern::compile(std::get<std::string_view>(step));
    if (!pattern) return fail(pattern.error());
    out.steps_.emplace_back(std::move(*pattern));
  }
  return out;
}

std::vector<std::size_t> PreTokenizer::split(std::string_view text) const {
  if (is_valid_utf8(text)) return split_valid(text);
  std::string valid;
  std::vector<std::size_t> ends_at;  // in `text`, of the character that ends there in `valid`
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = valid_character(text.substr(at));
    valid += length > 0 ? text.substr(at, length) : "\xef\xbf\xbd";
    at += std::max<std::size_t>(length, 1);
    ends_at.resize(valid.size() + 1, at);
  }
  std::vector<std::size_t> ends = split_valid(valid);
  for (std::size_t& end : ends) end = ends_at[end];
  return ends;
}

std::vector<std::size_t> PreTokenizer::split_valid(std::string_view text) const {
  std::vector<std::size_t> ends, finer;
  if (!text.empty()) ends.push_back(text.size());
  for (const auto& step : steps_) {
    finer.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      const std::string_view piece = text.substr(begin, end - begin);
      if (const auto* rules = std::get_if<WordRules>(&step)) {
        append_words(piece, *rules, begin, finer);
      } else {
        std::get<SplitPattern>(step).append_pieces(piece, begin, finer);
      }
      begin = end;
    }
    ends.swap(finer);
  }
  return ends;
}

}  // namespace pennyweight::llm
