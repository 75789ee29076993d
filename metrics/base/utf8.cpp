#include "metrics/base/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include <utf8proc.h>

namespace pennyweight {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

// What stands at one place of a byte string.
struct Decoded {
  enum class Kind : std::uint8_t { character, invalid, unfinished } kind = Kind::invalid;
  char32_t code_point = kReplacement;
  std::size_t length = 1;  // bytes; an invalid one is taken alone
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded decode(std::string_view bytes, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {Decoded::Kind::character, lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return {};
  // The second byte's range rules out overlong forms, surrogates and what is too large.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  char32_t code_point = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i >= bytes.size()) return {Decoded::Kind::unfinished, kReplacement, i};
    const unsigned next = byte(i);
    if (next < (i == 1 ? low : 0x80) || next > (i == 1 ? high : 0xBF)) return {};
    code_point = code_point << 6 | (next & 0x3F);
  }
  return {Decoded::Kind::character, code_point, length};
}

// Calls visit(code_point, bytes, valid) for each character and each invalid byte.
template <class Visit>
void for_each(std::string_view text, Visit visit) {
  for (std::size_t i = 0; i < text.size();) {
    Decoded d = decode(text, i);
    const bool valid = d.kind == Decoded::Kind::character;
    if (!valid) d.length = 1;
    visit(d.code_point, text.substr(i, d.length), valid);
    i += d.length;
  }
}

utf8proc_int32_t raw(char32_t c) {
  return static_cast<utf8proc_int32_t>(c);
}

bool is_cased(char32_t c) {
  const auto category = utf8proc_category(raw(c));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

bool is_case_ignorable(char32_t c) {
  switch (utf8proc_category(raw(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2019;
  }
}

// Unicode's Final_Sigma: after a cased letter and not before one.
bool is_final_sigma(const std::vector<char32_t>& text, std::size_t at) {
  std::size_t before = at;
  while (before > 0 && is_case_ignorable(text[before - 1])) --before;
  if (before == 0 || !is_cased(text[before - 1])) return false;
  std::size_t after = at + 1;
  while (after < text.size() && is_case_ignorable(text[after])) ++after;
  return after == text.size() || !is_cased(text[after]);
}

int width_of(char32_t c) {
  return std::max(0, utf8proc_charwidth(raw(c)));
}

std::string mapped(std::string_view text, int options) {
  const std::string valid = replace_invalid_utf8(text);
  utf8proc_uint8_t* out = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                   static_cast<utf8proc_ssize_t>(valid.size()), &out,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(out, &std::free);
  if (size < 0) return valid;
  return std::string(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
}

// Marks, embeddings, overrides and isolates of the bidirectional algorithm.
bool is_bidi_control(char32_t c) {
  return c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

bool is_printable(char32_t c) {
  return c >= 0x20 && (c < 0x7F || c > 0x9F) && c != 0xFFFE && c != 0xFFFF && !is_bidi_control(c);
}

}  // namespace

bool is_valid_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const Decoded d = decode(bytes, i);
    if (d.kind != Decoded::Kind::character) return false;
    i += d.length;
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  bool in_run = false;
  for_each(bytes, [&](char32_t, std::string_view piece, bool valid) {
    if (valid) {
      out += piece;
    } else if (!in_run) {
      append_utf8(out, kReplacement);
    }
    in_run = !valid;
  });
  return out;
}

std::string printable(std::string_view bytes) {
  std::string out;
  const std::string valid = replace_invalid_utf8(bytes);
  for_each(valid, [&](char32_t c, std::string_view piece, bool) {
    if (c == '\t' || c == '\n') {
      out += ' ';
    } else if (is_printable(c)) {
      out += piece;
    }
  });
  return out;
}

std::size_t complete_utf8_prefix(std::string_view bytes) {
  for (std::size_t back = 1; back <= 3 && back <= bytes.size(); ++back) {
    const std::size_t at = bytes.size() - back;
    if (decode(bytes, at).kind == Decoded::Kind::unfinished) return at;
  }
  return bytes.size();
}

std::size_t code_point_count(std::string_view text) {
  std::size_t n = 0;
  for_each(text, [&](char32_t, std::string_view, bool) { ++n; });
  return n;
}

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> out;
  out.reserve(text.size());
  for_each(text, [&](char32_t c, std::string_view, bool) { out.push_back(c); });
  return out;
}

void append_utf8(std::string& out, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = kReplacement;
  const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

std::string nfc(std::string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; })) {
    return std::string(text);
  }
  return mapped(text, UTF8PROC_COMPOSE);
}

std::string casefold(std::string_view text) {
  return mapped(text, UTF8PROC_CASEFOLD);
}

std::string lower(std::string_view text) {
  const std::vector<char32_t> all = code_points(text);
  std::string out;
  out.reserve(text.size());
  std::size_t at = 0;
  for_each(text, [&](char32_t c, std::string_view piece, bool valid) {
    if (!valid) {
      out += piece;
    } else if (c == 0x130) {  // the one letter whose lower case is two code points
      out += "i\xCC\x87";
    } else if (c == 0x3A3) {
      append_utf8(out, is_final_sigma(all, at) ? 0x3C2 : 0x3C3);
    } else {
      append_utf8(out, static_cast<char32_t>(utf8proc_tolower(raw(c))));
    }
    ++at;
  });
  return out;
}

std::string upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for_each(text, [&](char32_t c, std::string_view piece, bool valid) {
    if (!valid) {
      out += piece;
    } else if (c == 0xDF) {  // sharp s
      out += "SS";
    } else {
      append_utf8(out, static_cast<char32_t>(utf8proc_toupper(raw(c))));
    }
  });
  return out;
}

bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

std::string_view strip(std::string_view text) {
  std::size_t begin = text.size();
  std::size_t end = 0;
  for_each(text, [&](char32_t c, std::string_view piece, bool) {
    if (is_python_space(c)) return;
    const auto at = static_cast<std::size_t>(piece.data() - text.data());
    begin = std::min(begin, at);
    end = at + piece.size();
  });
  return begin < end ? text.substr(begin, end - begin) : std::string_view();
}

int display_width(std::string_view text) {
  int width = 0;
  for_each(text, [&](char32_t c, std::string_view, bool) { width += width_of(c); });
  return width;
}

std::string fit_width(std::string_view text, int columns) {
  if (display_width(text) <= columns) return std::string(text);
  const int dots = std::clamp(columns, 0, 3);
  std::size_t used = 0;
  std::size_t border = 0;  // end of the last whole grapheme that fits
  int width = 0;
  char32_t previous = 0;
  utf8proc_int32_t state = 0;
  bool full = false;
  for_each(text, [&](char32_t c, std::string_view piece, bool) {
    if (full) return;
    if (used == 0 || utf8proc_grapheme_break_stateful(raw(previous), raw(c), &state)) border = used;
    width += width_of(c);
    full = width > columns - dots;
    used += piece.size();
    previous = c;
  });
  return std::string(text.substr(0, border)) + std::string(static_cast<std::size_t>(dots), '.');
}

std::string_view nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::vector<std::size_t> row;
  for (const std::string& candidate : candidates) {
    row.resize(candidate.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i);
      for (std::size_t j = 1; j < row.size(); ++j) {
        const std::size_t replaced = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
      }
    }
    if (row.back() < least) {
      least = row.back();
      best = candidate;
    }
  }
  return best;
}

}  // namespace pennyweight
