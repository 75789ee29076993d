#include "runners/surrogates.h"

#include <charconv>
#include <optional>

#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

constexpr char32_t kHidden = 0x10F000;  // + 0 ... 0x7FF
constexpr char32_t kFirst = 0xD800;     // high halves, then low ones from 0xDC00

unsigned byte(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

// The UTF-16 unit of an escape "\uXXXX" at `i`.
std::optional<char32_t> escaped_unit(std::string_view json, std::size_t i) {
  if (json.substr(i, 2) != "\\u" || json.size() < i + 6) return std::nullopt;
  unsigned unit = 0;
  const char* end = json.data() + i + 6;
  if (std::from_chars(json.data() + i + 2, end, unit, 16).ptr != end) return std::nullopt;
  return unit;
}
bool is_high(std::optional<char32_t> unit) {
  return unit && *unit >> 10 == kFirst >> 10;
}
bool is_low(std::optional<char32_t> unit) {
  return unit && *unit >> 10 == (kFirst >> 10) + 1;
}

// The half that WTF-8 has at `i`.
std::optional<char32_t> half(std::string_view text, std::size_t i) {
  if (byte(text, i) != 0xED || byte(text, i + 1) < 0xA0 || byte(text, i + 2) < 0x80)
    return std::nullopt;
  return kFirst + ((byte(text, i + 1) - 0xA0) << 6 | (byte(text, i + 2) & 0x3F));
}

}  // namespace

std::string hide_lone_surrogates(std::string_view json) {
  std::string out;
  for (std::size_t i = 0; i < json.size();) {
    const auto unit = escaped_unit(json, i);
    std::size_t length = json[i] == '\\' ? 2 : 1;
    if (is_high(unit) && is_low(escaped_unit(json, i + 6))) {
      length = 12;
    } else if (is_high(unit) || is_low(unit)) {
      append_utf8(out, kHidden + (*unit - kFirst));
      i += 6;
      continue;
    }
    out += json.substr(i, length);
    i += length;
  }
  return out;
}

std::string show_lone_surrogates(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (byte(text, i) == 0xF4 && byte(text, i + 1) == 0x8F && byte(text, i + 2) < 0xA0) {
      out += '\xED';
      out += static_cast<char>(byte(text, i + 2) + 0x20);
      out += text[i + 3];
      i += 4;
    } else {
      out += text[i++];
    }
  }
  return out;
}

std::string join_surrogates(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto high = half(text, i), low = half(text, i + 3);
    if (is_high(high) && is_low(low)) {
      append_utf8(out, 0x10000 + ((*high & 0x3FF) << 10 | (*low & 0x3FF)));
      i += 6;
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace pennyweight
