#include "metrics/base/utf8.h"

#include "tests/test.h"

namespace pennyweight {
namespace {

constexpr std::string_view kBad = "\xEF\xBF\xBD";  // U+FFFD

TEST_CASE("UTF-8 is valid only in its shortest form, without surrogates, up to U+10FFFF") {
  for (const char* const good : {"", "a", "é", "한글", "😀", "\xF4\x8F\xBF\xBF", "\xEF\xBF\xBF"}) {
    CHECK(is_valid_utf8(good));
  }
  for (const char* const bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3",
                                "\xE1\x80", "\xF1\x80\x80", "\xC3(", "a\xFF"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_valid_utf8(bad));
  }
}

TEST_CASE("a run of invalid bytes becomes one replacement character") {
  CHECK(replace_invalid_utf8("a\xFF\xFE\x80z") == "a" + std::string(kBad) + "z");
  CHECK(replace_invalid_utf8("\xC3") == kBad);
  CHECK(replace_invalid_utf8("한\xED\x95글") == "한" + std::string(kBad) + "글");
  CHECK(replace_invalid_utf8("plain 한글") == "plain 한글");
}

TEST_CASE("printable text has no controls and cannot move the cursor") {
  CHECK(printable("a\x1b[31mred\x07") == "a[31mred");
  CHECK(printable("a\tb\nc\rd") == "a b cd");
  CHECK(printable("a\xC2\x9B"
                  "31m\x7F") == "a31m");  // C1 as a character
  CHECK(printable(std::string_view("a\0b", 3)) == "ab");
  CHECK(printable("\xEF\xBF\xBE\xEF\xBF\xBF!") == "!");
  CHECK(printable("\x9B"
                  "31m") == std::string(kBad) + "31m");
  CHECK(printable("한글 é 😀") == "한글 é 😀");
}

TEST_CASE("printable text cannot reorder the row it stands in") {
  const std::u32string controls =
      U"\u061C\u200E\u200F\u202A\u202B\u202C\u202D\u202E"
      U"\u2066\u2067\u2068\u2069";
  for (const char32_t c : controls) {
    std::string text = "gpt";
    append_utf8(text, c);
    INFO(static_cast<std::uint32_t>(c));
    CHECK(printable(text + "4") == "gpt4");
  }
  // Their neighbours, the joiners of Indic and emoji text among them, and the letters stay.
  for (const std::string text :
       {"a\u200Db\u200Cc\u2010", "\u2029\u202F\u2065\u206A", "שלום مرحبا\u061B"}) {
    CHECK(printable(text) == text);
  }
}

TEST_CASE("a prefix ends before a character that is still coming, wherever it is cut") {
  const std::string text = "aé한😀";
  const std::size_t borders[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (std::size_t n = 0; n <= text.size(); ++n) {
    CHECK(complete_utf8_prefix(std::string_view(text).substr(0, n)) == borders[n]);
  }
  CHECK(complete_utf8_prefix("a\xFF") == 2);     // nothing can complete it
  CHECK(complete_utf8_prefix("\xE0\x80") == 2);  // overlong already
  CHECK(complete_utf8_prefix("\x80\x80") == 2);
}

TEST_CASE("code points are counted and read, an invalid byte as one") {
  CHECK(code_point_count("한글é") == 3);
  CHECK(code_point_count("\xFF\xFE") == 2);
  CHECK(code_points("é😀\xFF") == std::vector<char32_t>{0xE9, 0x1F600, 0xFFFD});
  for (const char32_t c : {0x41U, 0x7FFU, 0x800U, 0xFFFDU, 0x10000U, 0x10FFFFU}) {
    std::string text;
    append_utf8(text, c);
    CHECK(code_points(text) == std::vector<char32_t>{c});
  }
  std::string surrogate;
  append_utf8(surrogate, 0xD800);
  CHECK(surrogate == kBad);
}

TEST_CASE("NFC composes Hangul and accents") {
  CHECK(nfc("\u1112\u1161\u11ab") == "한");
  CHECK(nfc("e\u0301") == "é");
  CHECK(nfc("ascii") == "ascii");
  CHECK(nfc("x\xFF") == "x" + std::string(kBad));
}

TEST_CASE("lower case is that of Python") {
  CHECK(lower("ÄÖÜ Straße ЖЫ") == "äöü straße жы");
  CHECK(lower("İ") == "i̇");
  CHECK(lower("ΟΔΟΣ ΣΑΣ Σ") == "οδος σας σ");
  CHECK(lower("ΑΣ.") == "ας.");
  CHECK(lower("ΑΣ.Β") == "ασ.β");
  CHECK(lower("A\xFFZ") == "a\xFFz");
  CHECK(upper("straße é") != "straße é");
}

TEST_CASE("python spaces are stripped at both ends, of any language") {
  CHECK(strip(" \t\n\x1c a b \u3000\u00a0\u2028") == "a b");
  CHECK(strip("\u200b") == "\u200b");  // zero width space is no space
  CHECK(strip("   ").empty());
  CHECK(strip("").empty());
  int spaces = 0;
  for (char32_t c = 0; c < 0x11000; ++c) spaces += is_python_space(c) ? 1 : 0;
  CHECK(spaces == 29);
}

TEST_CASE("wide characters take two columns, marks none") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("한글") == 4);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("") == 0);
}

TEST_CASE("text is cut at a whole character so that it fits") {
  CHECK(fit_width("hello", 5) == "hello");
  CHECK(fit_width("hello!", 5) == "he...");
  CHECK(fit_width("한글시험", 6) == "한...");
  CHECK(fit_width("한글시험", 7) == "한글...");
  CHECK(fit_width("e\u0301e\u0301e\u0301e\u0301e\u0301", 4) == "e\u0301...");
  CHECK(fit_width("hello", 2) == "..");
  CHECK(fit_width("hello", 0).empty());
  CHECK(fit_width("hello", -1).empty());
  for (int columns = 0; columns < 20; ++columns) {
    CHECK(display_width(fit_width("가나다 abc 라마바 👩‍👩‍👧 끝", columns)) <=
          columns);
  }
}

TEST_CASE("the nearest word is found, and nothing far off is offered") {
  const std::vector<std::string> words{"gpt-4o", "gpt-4o-mini", "claude-3-haiku"};
  CHECK(nearest("gpt4o", words) == "gpt-4o");
  CHECK(nearest("claude-3-haiky", words) == "claude-3-haiku");
  CHECK(nearest("gpt-4o", words) == "gpt-4o");
  CHECK(nearest("mistral", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest("x", {}).empty());
}

}  // namespace
}  // namespace pennyweight
