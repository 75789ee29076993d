#include "datasets/text_metrics.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_ascii_letter(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool is_ascii_punctuation(char c) {
  return c > ' ' && c < 127 && !is_digit(c) && !is_ascii_letter(static_cast<char32_t>(c));
}

std::string encode(const std::vector<char32_t>& text) {
  std::string out;
  for (const char32_t c : text) append_utf8(out, c);
  return out;
}

template <class Drop>
std::string without(std::string_view text, Drop drop) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out), [&](char c) { return !drop(c); });
  return out;
}

// The end of the last place where `marker` stands, whatever its ASCII case; npos without.
std::size_t after_last(std::string_view text, std::string_view marker) {
  const auto same = [](char a, char b) { return ascii_lower(a) == ascii_lower(b); };
  const auto at = std::find_end(text.begin(), text.end(), marker.begin(), marker.end(), same);
  if (at == text.end() || marker.empty()) return std::string_view::npos;
  return static_cast<std::size_t>(at - text.begin()) + marker.size();
}

}  // namespace

std::string without_blanks(std::string_view text) {
  std::vector<char32_t> c = code_points(text);
  c.erase(std::remove_if(c.begin(), c.end(), is_python_space), c.end());
  return encode(c);
}

std::string without_ascii_punctuation(std::string_view text) {
  return without(text, is_ascii_punctuation);
}

std::string without_ascii_digits(std::string_view text) {
  return without(text, is_digit);
}

std::optional<std::string> final_line(std::string_view text,
                                      const std::vector<std::string>& markers) {
  std::size_t begin = 0;
  bool found = false;
  for (const std::string& marker : markers) {
    const std::size_t after = after_last(text, marker);
    if (after == text.npos) continue;
    begin = found ? std::max(begin, after) : after;
    found = true;
  }
  if (!found) return std::nullopt;
  for (std::string_view rest = text.substr(begin); !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = strip(rest.substr(0, end));
    const auto wrapping = "*` \t";
    const std::size_t first = line.find_first_not_of(wrapping);
    if (first != line.npos) {
      return std::string(line.substr(first, line.find_last_not_of(wrapping) + 1 - first));
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

namespace {

constexpr std::string_view kMinus = "\xE2\x88\x92";  // U+2212

std::size_t digits_end(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// The integer digits from `at`, over thousands commas: 1,234,567 but not 1,23 or 1234,567.
std::size_t integer_end(std::string_view text, std::size_t at) {
  std::size_t end = digits_end(text, at);
  if (end - at > 3) return end;
  while (end < text.size() && text[end] == ',' && digits_end(text, end + 1) == end + 4) end += 4;
  return end;
}

// Behind an exponent that begins at `at`, or `at`.
std::size_t exponent_end(std::string_view text, std::size_t at) {
  if (at >= text.size() || (text[at] != 'e' && text[at] != 'E')) return at;
  std::size_t digits = at + 1;
  if (digits < text.size() && (text[digits] == '-' || text[digits] == '+')) ++digits;
  const std::size_t end = digits_end(text, digits);
  return end > digits ? end : at;
}

// Whether the number whose digits begin at `at` is negative.
bool has_minus(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  std::size_t sign = before.size();
  if (!before.empty() && before.back() == '-') {
    sign -= 1;
  } else if (before.size() >= 3 && before.substr(before.size() - 3) == kMinus) {
    sign -= 3;
  } else {
    return false;
  }
  if (sign == 0) return true;
  const char previous = before[sign - 1];
  return !is_digit(previous) && !is_ascii_letter(static_cast<unsigned char>(previous)) &&
         previous != ')';
}

// `text` is [-]digits[.digits][e[sign]digits]. Nothing when its exponent is absurd.
std::optional<Decimal> parse_decimal(std::string text) {
  Decimal out;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), out.approximate);
  if (parsed.ec != std::errc()) return std::nullopt;
  std::string_view mantissa = text;
  if (const auto e = mantissa.find_first_of("eE"); e != mantissa.npos) {
    const char* begin = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
    if (std::from_chars(begin, text.data() + text.size(), out.exponent).ec != std::errc()) {
      return std::nullopt;
    }
    mantissa = mantissa.substr(0, e);
  }
  if (mantissa.front() == '-') {
    out.negative = true;
    mantissa.remove_prefix(1);
  }
  if (const auto point = mantissa.find('.'); point != mantissa.npos) {
    out.exponent -= static_cast<long>(mantissa.size() - point - 1);
  }
  out.digits = without(mantissa, [](char c) { return c == '.'; });
  out.digits.erase(0, std::min(out.digits.find_first_not_of('0'), out.digits.size()));
  while (!out.digits.empty() && out.digits.back() == '0') {
    out.digits.pop_back();
    ++out.exponent;
  }
  if (out.digits.empty()) out = Decimal{false, "", 0, 0, {}};
  out.text = std::move(text);
  return out;
}

}  // namespace

std::optional<Decimal> last_number(std::string_view text) {
  std::optional<Decimal> found;
  for (std::size_t at = 0; at < text.size();) {
    const bool point = text[at] == '.' && at + 1 < text.size() && is_digit(text[at + 1]);
    if (!is_digit(text[at]) && !point) {
      ++at;
      continue;
    }
    std::size_t end = integer_end(text, at);
    if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
      end = digits_end(text, end + 1);
    }
    end = exponent_end(text, end);
    std::string number = without(text.substr(at, end - at), [](char c) { return c == ','; });
    if (number.front() == '.') number.insert(0, "0");
    if (has_minus(text, at)) number.insert(0, "-");
    if (auto decimal = parse_decimal(std::move(number))) found = std::move(decimal);
    at = end;
  }
  return found;
}

}  // namespace pennyweight
