#include "local_backend/grammar/pattern_rules.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "local_backend/grammar/gbnf_text.h"
#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

using Range = CharClass::Range;
using Ranges = std::vector<Range>;

constexpr int kMaxDepth = 100;

// Whatever stands unescaped in a JSON string.
const Ranges kNeverRaw = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {0xD800, 0xDFFF}};

Ranges inverted(const Ranges& ranges) {
  const CharClass set(ranges, true);
  return {set.ranges().begin(), set.ranges().end()};
}

std::string escaped(char32_t c) {
  constexpr std::string_view kShort = "\b\f\n\r\t\"\\", kLetters = "bfnrt\"\\";
  const std::size_t at = kShort.find(static_cast<char>(c));
  if (at != std::string_view::npos) return gbnf_literal(std::string("\\") + kLetters[at]);
  return gbnf_literal(fmt::format("\\u{:04x}", static_cast<unsigned>(c)));
}

// One character of the set, as JSON writes it.
std::string one_of(const Ranges& ranges) {
  Ranges outside = inverted(ranges);
  outside.insert(outside.end(), kNeverRaw.begin(), kNeverRaw.end());
  const CharClass raw(outside, true), all(ranges);
  std::string out;
  if (!raw.ranges().empty()) out = gbnf_class(raw);
  for (char32_t c = 0; c <= '\\'; ++c)
    if ((c < 0x20 || c == '"' || c == '\\') && all.contains(c))
      out += (out.empty() ? "" : " | ") + escaped(c);
  return "(" + out + ")";
}

bool is_surrogate(char32_t c) {
  return c >= 0xD800 && c <= 0xDFFF;
}

class Pattern {
 public:
  explicit Pattern(std::string_view text) : text_(code_points(text)) {}

  Result<std::string> compile() {
    std::string out = alternatives(0);
    if (!error_ && at_ < text_.size()) refuse("an unmatched \")\"");
    if (error_) return fail(*error_);
    return out;
  }

 private:
  void refuse(const std::string& what) {
    if (!error_) error_ = Error{ErrorKind::unsupported, what, "", ""};
    at_ = text_.size();
  }
  bool more() const { return at_ < text_.size(); }
  bool sees(char32_t c) const { return more() && text_[at_] == c; }
  bool take(char32_t c) {
    if (!sees(c)) return false;
    ++at_;
    return true;
  }

  std::string alternatives(int depth) {
    if (depth > kMaxDepth) refuse("groups too deep in each other");
    std::string out = "(";
    do {
      if (out.size() > 1) out += " | ";
      out += sequence(depth);
    } while (take('|'));
    return out + ")";
  }

  std::string sequence(int depth) {
    const bool from_start = depth == 0 && take('^');
    bool to_end = depth > 0;
    std::string out = from_start || depth > 0 ? "\"\"" : "char*";
    while (more() && !sees('|') && !sees(')')) {
      if (depth == 0 && take('$')) {
        to_end = true;
        if (more() && !sees('|')) refuse("\"$\" inside");
        break;
      }
      const std::string item = atom(depth);
      out += " " + repeated(item);
      if (out.size() > Grammar::kMaxText)
        refuse(fmt::format("more than {} bytes of rules", Grammar::kMaxText));
    }
    return to_end ? out : out + " char*";
  }

  std::string atom(int depth) {
    const char32_t c = text_[at_++];
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        return one_of_set();
      case '.':
        return one_of(inverted({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}));
      case '\\':
        return one_of(escape(false));
      case '^':
      case '$':
        refuse("an anchor inside");
        return "";
      case '*':
      case '+':
      case '?':
      case '{':
        refuse("a repetition of nothing");
        return "";
      default:
        return one_of({{c, c}});
    }
  }

  std::string group(int depth) {
    if (take('?')) {
      if (take('<') && !sees('=') && !sees('!')) {
        while (more() && !sees('>')) ++at_;
        take('>');
      } else if (!take(':')) {
        refuse("an assertion (?...)");
      }
    }
    std::string out = alternatives(depth + 1);
    if (!take(')')) refuse("a group that is not closed");
    return out;
  }

  std::string repeated(const std::string& item) {
    std::size_t least = 1, most = 1;
    if (take('*')) {
      least = 0;
      most = kNoLimit;
    } else if (take('+')) {
      most = kNoLimit;
    } else if (take('?')) {
      least = 0;
    } else if (take('{')) {
      least = most = number();
      if (take(',')) most = sees('}') ? kNoLimit : number();
      if (!take('}') || least > most) refuse("a repetition that is not {m}, {m,} or {m,n}");
    } else {
      return item;
    }
    take('?');  // reluctant: the same texts
    if (sees('*') || sees('+') || sees('?') || sees('{')) refuse("a repetition of a repetition");
    return gbnf_repeat(item, least, most);
  }

  std::size_t number() {
    std::size_t value = 0;
    if (!more() || text_[at_] < '0' || text_[at_] > '9') refuse("a repetition without number");
    for (; more() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      value = std::min<std::size_t>(value * 10 + (text_[at_] - '0'), 1'000'000);
    if (value > Grammar::kMaxRepeat)
      refuse(fmt::format("a repetition of more than {}", Grammar::kMaxRepeat));
    return value;
  }

  std::string one_of_set() {
    const Ranges set = char_set();
    std::string out = one_of(set);
    if (out == "()") refuse("a class that holds no character");
    return out;
  }

  Ranges char_set() {
    const bool negated = take('^');
    Ranges out;
    while (more() && !sees(']')) {
      const Ranges first = set_item();
      const bool single = first.size() == 1 && first[0].first == first[0].last;
      if (single && sees('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        const Ranges last = set_item();
        if (last.size() != 1 || last[0].first != last[0].last || last[0].first < first[0].first) {
          refuse("a range in [] that has no end");
          break;
        }
        out.push_back({first[0].first, last[0].first});
      } else {
        out.insert(out.end(), first.begin(), first.end());
      }
    }
    if (!take(']')) refuse("a class that is not closed");
    return negated ? inverted(out) : out;
  }

  Ranges set_item() {
    if (!more()) return {};
    const char32_t c = text_[at_++];
    return c == '\\' ? escape(true) : Ranges{{c, c}};
  }

  Ranges escape(bool in_set) {
    if (!more()) {
      refuse("a \"\\\" at the end");
      return {};
    }
    static const Ranges digit = {{'0', '9'}};
    static const Ranges word = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    static const Ranges space = {
        {'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
        {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
    const char32_t c = text_[at_++];
    switch (c) {
      case 'd':
        return digit;
      case 'D':
        return inverted(digit);
      case 'w':
        return word;
      case 'W':
        return inverted(word);
      case 's':
        return space;
      case 'S':
        return inverted(space);
      case 'n':
        return {{'\n', '\n'}};
      case 'r':
        return {{'\r', '\r'}};
      case 't':
        return {{'\t', '\t'}};
      case 'f':
        return {{'\f', '\f'}};
      case 'v':
        return {{'\v', '\v'}};
      case 'b':
        if (in_set) return {{'\b', '\b'}};
        break;
      case 'x':
        return hex(2);
      case 'u':
        return unit();
      default:
        break;
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) refuse(fmt::format("the escape \"\\{}\"", static_cast<char>(c)));
    return {{c, c}};
  }

  // Beyond U+FFFF a character is written as two halves.
  Ranges unit() {
    const Ranges first = hex(4);
    if (first.empty() || !is_surrogate(first[0].first)) return first;
    Ranges second;
    if (first[0].first < 0xDC00 && take('\\') && take('u')) second = hex(4);
    if (second.empty() || second[0].first < 0xDC00 || second[0].first > 0xDFFF) {
      refuse("one half of a character written as \\u....\\u....");
      return {};
    }
    const char32_t c = 0x10000 + ((first[0].first - 0xD800) << 10) + (second[0].first - 0xDC00);
    return {{c, c}};
  }

  Ranges hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const char32_t c = more() ? text_[at_++] : U' ';
      const auto at = std::u32string_view(U"0123456789abcdefABCDEF").find(c);
      if (at == std::u32string_view::npos) {
        refuse("an escape without its hexadecimal digits");
        return {};
      }
      value = value * 16 + static_cast<char32_t>(at < 16 ? at : at - 6);
    }
    return {{value, value}};
  }

  std::vector<char32_t> text_;
  std::size_t at_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<std::string> gbnf_of_pattern(std::string_view pattern) {
  return Pattern(pattern).compile();
}

}  // namespace pennyweight::llm
