// The letter finder of mc_letter, over code points.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "datasets/text_metrics.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

using Text = std::u32string_view;

bool is_letter_or_digit(char32_t c) {
  return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || (c >= U'0' && c <= U'9');
}
char32_t upper(char32_t c) {
  return c >= U'a' && c <= U'z' ? c - 32 : c;
}

// Markdown and LaTeX gone, full-width forms (U+FF01 to U+FF5E) made ASCII.
std::u32string plain(std::string_view text) {
  std::u32string out;
  for (char32_t c : code_points(text)) {
    if (c >= 0xFF01 && c <= 0xFF5E) c -= 0xFEE0;
    out += c;
  }
  for (const Text wrapping : {Text(U"\\boxed"), Text(U"\\text"), Text(U"\\mathrm"),
                              Text(U"\\mathbf"), Text(U"\\("), Text(U"\\)")}) {
    for (auto at = out.find(wrapping); at != out.npos; at = out.find(wrapping, at)) {
      out.erase(at, wrapping.size());
    }
  }
  out.erase(std::remove_if(out.begin(), out.end(),
                           [](char32_t c) { return Text(U"*`${}_").find(c) != Text::npos; }),
            out.end());
  return out;
}

void skip_blanks(Text& rest) {
  while (!rest.empty() && is_python_space(rest.front())) rest.remove_prefix(1);
}

bool skip(Text& rest, Text word) {
  if (rest.size() < word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (upper(rest[i]) != upper(word[i])) return false;
  }
  rest.remove_prefix(word.size());
  return true;
}

// One of `letters` in brackets or not, and not the beginning of a word. In running text ("is a
// ...") only a capital counts.
std::optional<char> letter_here(Text rest, std::string_view letters, bool capital) {
  for (const char32_t bracket : {U'(', U'[', U'"', U'\''}) skip(rest, Text(&bracket, 1));
  if (rest.empty() || rest.front() > 127) return std::nullopt;
  if (rest.size() > 1 && is_letter_or_digit(rest[1])) return std::nullopt;
  const char32_t c = capital ? rest.front() : upper(rest.front());
  if (letters.find(static_cast<char>(c)) == letters.npos) return std::nullopt;
  return static_cast<char>(c);
}

// `at` is where a marker may begin.
std::optional<char> letter_after_marker(Text text, std::size_t at, std::string_view letters) {
  Text rest = text.substr(at);
  bool separated = false;  // a Korean marker needs no colon
  if (skip(rest, U"answer")) {
    if (at > 0 && is_letter_or_digit(text[at - 1])) return std::nullopt;
  } else if (skip(rest, U"답")) {
    skip(rest, U"변");
    for (const Text particle : {Text(U"은"), Text(U"는"), Text(U"이")}) skip(rest, particle);
    separated = true;
  } else {
    return std::nullopt;
  }
  skip_blanks(rest);
  bool capital = separated;
  if (skip(rest, U"is") && !separated) {
    if (!rest.empty() && is_letter_or_digit(rest.front())) return std::nullopt;
    separated = capital = true;
    skip_blanks(rest);
  }
  if (skip(rest, U":") || skip(rest, U"=")) {
    separated = true;
    capital = false;
  }
  if (!separated) return std::nullopt;
  skip_blanks(rest);
  return letter_here(rest, letters, capital);
}

std::optional<char> only_letter(Text text, std::string_view letters) {
  std::u32string kept;
  for (const char32_t c : text) {
    if (!is_python_space(c) && Text(U"()[].,:\"'").find(c) == Text::npos) kept += c;
  }
  return kept.size() == 1 ? letter_here(kept, letters, false) : std::nullopt;
}

}  // namespace

std::optional<char> marked_letter(std::string_view text, std::string_view letters, bool last) {
  const std::u32string prepared = plain(text);
  std::optional<char> found;
  for (std::size_t at = 0; at < prepared.size() && (last || !found); ++at) {
    if (const auto letter = letter_after_marker(prepared, at, letters)) found = letter;
  }
  return found ? found : only_letter(prepared, letters);
}

}  // namespace pennyweight
