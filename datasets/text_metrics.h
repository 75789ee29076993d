// The parts that scorers are built from: normalising, and finding a number or a letter. Exact
// definitions: docs/scorers.md. Pure; texts are valid UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pennyweight {

// Blanks are those of Python's str.split().
std::string without_blanks(std::string_view text);
std::string without_ascii_punctuation(std::string_view text);  // the 32 marks of ASCII
std::string without_ascii_digits(std::string_view text);

// After the last of the markers: what remains of its line, or the next line that holds something.
// ASCII case does not matter; markdown's `*` and "`" around it are dropped. Nothing when no marker
// is there, or nothing follows.
std::optional<std::string> final_line(std::string_view text,
                                      const std::vector<std::string>& markers);

// A decimal number, exact whatever its length: sign * digits * 10^exponent, digits without zeros at
// either end, empty for 0.
struct Decimal {
  bool negative = false;
  std::string digits;
  long exponent = 0;
  double approximate = 0;
  std::string text;  // as found, without commas: "-1234.50"
  friend bool operator==(const Decimal& a, const Decimal& b) {
    return a.negative == b.negative && a.digits == b.digits && a.exponent == b.exponent;
  }
};
// The last number: optional sign (also U+2212), thousands commas, fraction, exponent. A hyphen
// after a letter or digit is no sign; a comma not followed by three digits ends the number.
std::optional<Decimal> last_number(std::string_view text);

// The letter after an explicit marker (Answer: or Answer is; 정답, 답 or 답변 with or without a
// colon or particle), the last or the first that has one of `letters`; else of a reply that is only
// a letter. Never a letter of a word. Markdown and LaTeX wrapping is removed before. Upper case.
std::optional<char> marked_letter(std::string_view text, std::string_view letters, bool last);

}  // namespace pennyweight
