// Text in which pre-tokenizers differ: scripts with and without case, marks, digits, contractions,
// all kinds of white space and line ends.
#pragma once

#include <string>

#include "metrics/base/random.h"
#include "metrics/base/utf8.h"

namespace pennyweight::test {

// Up to `longest` characters, some of them any code point at all.
inline std::string mixed_text(Random& random, std::uint64_t longest) {
  static constexpr std::u32string_view kPools[] = {
      U"abcXYZ",
      U"sStTdDmMrReEvVlL\u017f",
      U"'''\u2019",
      U"0123456789\u0663\u06f5\u00b2\u00bd\u216b",
      U"  \t",
      U"\r\n\n",
      U"\u00a0\u3000\u2003\u0085\u2028\u202f\u000b\u000c\u200b\u180e\ufeff",
      U"\u00e9\u00c9\u00df\u01c5\u02b0\u00aa\u03b1\u0391\u0436\u0416\U00010400\U00010428",
      U"\u4e2d\u6587\u3042\u30ab\u30fc\ud55c\uae00\u1112\u1161",
      U"\u0301\u0308\u093f\u0e31\u20dd\ufe0f",
      U"\U0001f600\U0001f44d\U0001f3fd\u200d\u2764",
      U"!?.,;:()[]{}\"#$%&*+-/<=>@\\^_`|~/\u3002\uff0c\u2026\u201c\u20ac",
  };
  std::string text;
  std::size_t pool = 0;
  for (auto left = 1 + random.below(longest); left > 0; --left) {
    if (random.below(3) == 0) pool = random.below(std::size(kPools) + 1);
    char32_t c = 0;
    if (pool < std::size(kPools)) {
      c = kPools[pool][random.below(kPools[pool].size())];
    } else {
      do c = static_cast<char32_t>(random.below(0x30000));
      while (c >= 0xd800 && c < 0xe000);
    }
    append_utf8(text, c);
  }
  return text;
}

}  // namespace pennyweight::test
