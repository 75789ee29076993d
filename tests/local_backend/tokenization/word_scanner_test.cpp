#include "local_backend/tokenization/word_scanner.h"

#include <map>

#include "local_backend/tokenization/pre_tokenizer.h"
#include "local_backend/tokenization/unicode_kind.h"
#include "tests/local_backend/tokenization/mixed_text.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;
using namespace std::string_view_literals;

// The patterns as their models publish them.
struct Published {
  const char* name;
  const char* pattern;
};
#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define WHITE "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
constexpr Published kPublished[] = {
    {"llama-bpe",
     CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" WHITE},
    {"qwen2",
     CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" WHITE},
    {"bailingmoe",
     "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*"
     "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"},
    {"qwen35", CONTRACTION
     "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" WHITE},
    {"seed-coder",
     CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+" WHITE},
    {"gpt-2", "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"},
    {"tekken", "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER
               "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" WHITE},
    {"gpt-4o",
     "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" CONTRACTION "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER
     "+" LOWER "*" CONTRACTION "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" WHITE},
};

// PCRE2 may know another version of Unicode: code points new in either are not compared.
class Agreement {
 public:
  bool of(std::string_view text) {
    for (const char32_t c : code_points(text)) {
      if (c >= 128 && !known(c)) return false;
    }
    return true;
  }

 private:
  bool known(char32_t c) {
    const auto [place, first] = known_.try_emplace(c, true);
    if (first) {
      std::string text = "\x01";
      append_utf8(text, c);
      std::vector<std::size_t> ends;
      kinds_.append_pieces(text, 0, ends);  // an assigned one joins the piece
      place->second = ends.size() == 1;
    }
    return place->second;
  }
  SplitPattern kinds_ = SplitPattern::compile("\\P{Cn}+").value();
  std::map<char32_t, bool> known_;
};

TEST_CASE("the word scanner cuts as PCRE2 does with the published patterns") {
  Agreement agreement;
  for (const auto& [name, pattern] : kPublished) {
    const auto* spec = find_pre_tokenizer(name);
    REQUIRE(spec != nullptr);
    REQUIRE(spec->steps.size() == 1);
    REQUIRE(std::holds_alternative<WordRules>(spec->steps[0]));
    const PreTokenizer scanner = PreTokenizer::create(*spec).value();
    const SplitPattern published = SplitPattern::compile(pattern).value();
    Random random(11, Stream::synthesis);
    int compared = 0;
    for (int i = 0; i < 2500; ++i) {
      const std::string text = mixed_text(random, 24);
      if (!agreement.of(text)) continue;
      ++compared;
      std::vector<std::size_t> expected;
      published.append_pieces(text, 0, expected);
      if (scanner.split(text) == expected) continue;
      INFO(name << ": " << text);
      CHECK(scanner.split(text) == expected);
    }
    CHECK(compared > 1000);
  }
}

TEST_CASE("code points have the kinds of their general categories") {
  CHECK(kind_of(U'A') == CharacterKind::upper);
  CHECK(kind_of(0x1c5) == CharacterKind::upper);  // title case
  CHECK(kind_of(U'\u00df') == CharacterKind::lower);
  CHECK(kind_of(0x2b0) == CharacterKind::caseless);
  CHECK(kind_of(U'\ud55c') == CharacterKind::caseless);
  CHECK(kind_of(0x301) == CharacterKind::mark);
  CHECK(kind_of(U'5') == CharacterKind::number);
  CHECK(kind_of(0x216b) == CharacterKind::number);
  CHECK(kind_of(U'\n') == CharacterKind::line_end);
  for (const char32_t c : U"\x9\xb\x20\u0085\u00a0\u2028\u3000"sv) {
    CHECK(kind_of(c) == CharacterKind::space);
  }
  for (const char32_t c : U"\x1f\u180e\u200b\ufeff$\U0001f600\U0010ffff\ufffd"sv) {
    CHECK(kind_of(c) == CharacterKind::other);
  }
}

}  // namespace
}  // namespace pennyweight::test
