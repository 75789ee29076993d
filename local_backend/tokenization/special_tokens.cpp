#include "local_backend/tokenization/special_tokens.h"

#include <algorithm>
#include <numeric>

namespace pennyweight::llm {
namespace {

bool touches(std::span<const TextRange> ranges, std::size_t begin, std::size_t end) {
  const auto range =
      std::upper_bound(ranges.begin(), ranges.end(), begin,
                       [](std::size_t at, const TextRange& r) { return at < r.end; });
  return range != ranges.end() && range->begin < end;
}

}  // namespace

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  const auto text = [&](Token t) -> std::string_view { return vocabulary.entry(t).text; };
  for (std::size_t i = vocabulary.size(); i-- > 0;) {
    const auto& entry = vocabulary.entry(static_cast<Token>(i));
    const bool special = entry.is_special() || entry.type == TokenType::user_defined;
    if (special && !entry.text.empty()) ordered_.push_back(static_cast<Token>(i));
  }
  std::stable_sort(ordered_.begin(), ordered_.end(),
                   [&](Token a, Token b) { return text(a) < text(b); });
  const auto alike = [&](Token a, Token b) { return text(a) == text(b); };
  ordered_.erase(std::unique(ordered_.begin(), ordered_.end(), alike), ordered_.end());
  for (const Token t : ordered_) ++first_[static_cast<unsigned char>(text(t)[0]) + 1u];
  std::partial_sum(first_.begin(), first_.end(), first_.begin());
}

// Longest first. From byte to byte of the text those that go on so become fewer: what it costs does
// not depend on how many lengths a file's tokens have.
std::vector<Token> SpecialTokens::present_in(std::string_view text) const {
  std::vector<Token> found;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto first = static_cast<unsigned char>(text[at]);
    auto begin = ordered_.begin() + static_cast<std::ptrdiff_t>(first_[first]);
    auto end = ordered_.begin() + static_cast<std::ptrdiff_t>(first_[first + 1u]);
    for (std::size_t length = 1; begin != end; ++length) {
      if (vocabulary_.entry(*begin).text.size() == length) found.push_back(*begin++);
      if (at + length == text.size()) break;
      const auto byte = [&, length](Token t) {
        return static_cast<unsigned char>(vocabulary_.entry(t).text[length]);
      };
      const auto next = static_cast<unsigned char>(text[at + length]);
      begin = std::partition_point(begin, end, [&](Token t) { return byte(t) < next; });
      end = std::partition_point(begin, end, [&](Token t) { return byte(t) == next; });
    }
  }
  std::sort(found.begin(), found.end(), [this](Token a, Token b) {
    const auto length = [this](Token t) { return vocabulary_.entry(t).text.size(); };
    return length(a) != length(b) ? length(a) > length(b) : a < b;
  });
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void SpecialTokens::cut(Token token, const Fragment& from, std::string_view whole,
                        std::span<const TextRange> literal, std::vector<Fragment>& out) const {
  const auto& entry = vocabulary_.entry(token);
  std::string_view rest = from.text;
  std::size_t search = 0;
  for (;;) {
    const std::size_t match = rest.find(entry.text, search);
    if (match == std::string_view::npos) break;
    const auto begin = static_cast<std::size_t>(rest.data() - whole.data()) + match;
    if (entry.is_special() && touches(literal, begin, begin + entry.text.size())) {
      search = match + 1;
      continue;
    }
    if (match > 0) out.push_back({-1, rest.substr(0, match)});
    out.push_back({token, {}});
    rest.remove_prefix(match + entry.text.size());
    if (entry.strips_right) {
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t\n\v\f\r"), rest.size()));
    }
    search = 0;
  }
  if (!rest.empty()) out.push_back({-1, rest});
}

std::vector<Fragment> SpecialTokens::split(std::string_view text,
                                           std::span<const TextRange> literal) const {
  std::vector<Fragment> fragments;
  if (text.empty()) return fragments;
  fragments.push_back({-1, text});
  for (const Token token : present_in(text)) {
    std::vector<Fragment> next;
    for (const Fragment& fragment : fragments) {
      if (fragment.token != -1) {
        next.push_back(fragment);
      } else {
        cut(token, fragment, text, literal, next);
      }
    }
    fragments = std::move(next);
  }
  return fragments;
}

}  // namespace pennyweight::llm
