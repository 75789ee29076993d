#include "datasets/text_metrics.h"

#include <string>

#include "tests/test.h"

namespace pennyweight {
namespace {

TEST_CASE("The last number is found with its sign, commas, fraction and exponent") {
  const auto [text, number] = GENERATE(table<std::string, std::string>({
      {"It is 18.", "18"},
      {"70,000 or 1,234,567", "1234567"},
      {"1,23", "23"},
      {"1234,567", "567"},
      {"1,2345", "2345"},
      {"a .5 share", "0.5"},
      {"3.14.15", "0.15"},
      {"-7", "-7"},
      {"x = -7", "-7"},
      {"\xE2\x88\x92"
       "7",
       "-7"},
      {"90-101", "101"},
      {"2024-09-12", "12"},
      {"A-7", "7"},
      {"(3)-4", "4"},
      {"약-3", "-3"},
      {"+5", "5"},
      {"2e3 s", "2e3"},
      {"2E-3", "2E-3"},
      {"2e+3", "2e+3"},
      {"2e", "2"},
      {"5eV", "5"},
      {"1 and 1e9999", "1"},
      {"40%", "40"},
      {"7...", "7"},
      {"CO2", "2"},
      {"12,", "12"},
      {"1,000,", "1000"},
  }));
  INFO(text);
  const auto found = last_number(text);
  REQUIRE(found);
  CHECK(found->text == number);
}

TEST_CASE("A text without a digit has no number") {
  for (const char* text : {"", "five", "-", ".", ",", "\xE2\x88\x92"}) {
    CHECK_FALSE(last_number(text));
  }
}

TEST_CASE("Decimals are equal when their values are") {
  CHECK(*last_number("1.50") == *last_number("1.5"));
  CHECK(*last_number("1500") == *last_number("1.5e3"));
  CHECK(*last_number("0.00") == *last_number("-0"));
  CHECK_FALSE(*last_number("0.1") == *last_number("0.10000000000000000001"));
}

TEST_CASE("A letter is taken after the last explicit marker") {
  const auto [text, letter] = GENERATE(table<std::string, char>({
      {"Answer: B", 'B'},
      {"answer: b", 'B'},
      {"**Answer:** D", 'D'},
      {"**Answer: (C)**", 'C'},
      {"The correct answer is C.", 'C'},
      {"The answer is: d", 'D'},
      {"Answer: $\\boxed{A}$", 'A'},
      {"Answer: \\(\\text{B}\\)", 'B'},
      {"First guess Answer: A. On reflection, Answer: B", 'B'},
      {"Answer: B\nAnswer: unsure", 'B'},
      {"정답: C", 'C'},
      {"정답은 B입니다.", 'B'},
      {"최종 답: D", 'D'},
      {"답변: a", 'A'},
      {"답 B", 'B'},
      {"답： Ｂ", 'B'},
      {"B", 'B'},
      {" (b). ", 'B'},
      {"**C**", 'C'},
      {"Answer:\n\nA", 'A'},
  }));
  INFO(text);
  CHECK(marked_letter(text, "ABCD", true) == letter);
}

TEST_CASE("A letter without a marker, or within a word, is not an answer") {
  for (const char* text :
       {"", "A cat sat", "Bananas are best", "Answer: Dublin", "The answer is a bit unclear",
        "Answers: A", "Answer: E", "Answer B", "I think C", "A B", "답은 Apple", "정답 a가 아니다",
        "Answer", "Answer:", "Answer is", "the answer isB", "E"}) {
    INFO(text);
    CHECK_FALSE(marked_letter(text, "ABCD", true));
  }
}

TEST_CASE("The first marker counts when asked for") {
  CHECK(marked_letter("Answer: A. No, Answer: B", "AB", false) == 'A');
}

TEST_CASE("The final line follows the last marker and loses its markdown") {
  const std::vector<std::string> markers = {"답:", "Answer:"};
  CHECK(final_line("Answer: 1\n**answer:** **42** \nbye", markers) == "42");
  CHECK(final_line("답: 3\n", markers) == "3");
  CHECK(final_line("Answer: 1 답: 2", markers) == "2");
  CHECK(final_line("Answer:\n\n  next `x`  \nmore", markers) == "next `x");
  CHECK_FALSE(final_line("no marker", markers));
  CHECK_FALSE(final_line("Answer:", markers));
  CHECK_FALSE(final_line("Answer: \n **", markers));
  CHECK_FALSE(final_line("", markers));
}

TEST_CASE("Normalisers touch only what they name") {
  CHECK(without_ascii_punctuation("a.b,c!。~`|_한") == "abc。한");
  CHECK(without_ascii_digits("a1２3") == "a２");
  CHECK(without_blanks(" a\tb\xE3\x80\x80\xC2\xA0"
                       "c\n") == "abc");
}

}  // namespace
}  // namespace pennyweight
