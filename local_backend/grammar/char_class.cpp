#include <algorithm>

#include "local_backend/grammar/grammar.h"

namespace pennyweight::llm {
namespace {

using Range = CharClass::Range;

// Ascending, with a gap between each two.
std::vector<Range> joined(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::first);
  std::vector<Range> out;
  for (const Range& range : ranges) {
    if (!out.empty() && range.first <= out.back().last + 1) {
      out.back().last = std::max(out.back().last, range.last);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

std::vector<Range> gaps(const std::vector<Range>& ranges) {
  std::vector<Range> out;
  char32_t from = 0;
  for (const Range& range : ranges) {
    if (range.first > from) out.push_back({from, range.first - 1});
    from = range.last + 1;
  }
  if (from <= kLastCodePoint) out.push_back({from, kLastCodePoint});
  return out;
}

}  // namespace

CharClass::CharClass(std::vector<Range> ranges, bool inverted)
    : ranges_(joined(std::move(ranges))) {
  if (inverted) ranges_ = gaps(ranges_);
}

bool CharClass::meets(char32_t first, char32_t last) const {
  const auto found = std::ranges::lower_bound(ranges_, first, {}, &Range::last);
  return found != ranges_.end() && found->first <= last;
}

bool CharClass::covers(char32_t first, char32_t last) const {
  const auto found = std::ranges::lower_bound(ranges_, first, {}, &Range::last);
  return found != ranges_.end() && found->first <= first && last <= found->last;
}

}  // namespace pennyweight::llm
