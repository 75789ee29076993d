#include "local_backend/tokenization/word_scanner.h"

#include "local_backend/tokenization/unicode_kind.h"

namespace pennyweight::llm {
namespace {

using Contractions = WordRules::Contractions;

struct Character {
  char32_t code;
  CharacterKind kind;
  std::uint8_t bytes;
};

// The first character of valid UTF-8.
Character first_of(std::string_view text) {
  const auto at = [text](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[i]));
  };
  const char32_t lead = at(0);
  if (lead < 0x80) return {lead, kind_of(lead), 1};
  char32_t code = 0;
  std::uint8_t bytes = 0;
  if (lead < 0xe0) {
    code = (lead & 0x1f) << 6 | (at(1) & 0x3f);
    bytes = 2;
  } else if (lead < 0xf0) {
    code = (lead & 0xf) << 12 | (at(1) & 0x3f) << 6 | (at(2) & 0x3f);
    bytes = 3;
  } else {
    code = (lead & 7) << 18 | (at(1) & 0x3f) << 12 | (at(2) & 0x3f) << 6 | (at(3) & 0x3f);
    bytes = 4;
  }
  return {code, kind_of(code), bytes};
}

// Small, as case-insensitive patterns see it: U+017F is an s to them.
char32_t folded(char32_t c) {
  if (c >= U'A' && c <= U'Z') return c + 32;
  return c == 0x17f ? U's' : c;
}

// Positions are indices of characters. Each function returns the end of what it finds at a
// position, or that position where it finds nothing.
class Scanner {
 public:
  Scanner(std::string_view text, const WordRules& rules) : rules_(rules) {
    characters_.reserve(text.size());
    while (!text.empty()) {
      characters_.push_back(first_of(text));
      text.remove_prefix(characters_.back().bytes);
    }
  }

  void append(std::size_t offset, std::vector<std::size_t>& ends) const {
    for (std::size_t i = 0; i < characters_.size();) {
      for (const std::size_t end = next(i); i < end; ++i) offset += characters_[i].bytes;
      ends.push_back(offset);
    }
  }

 private:
  std::size_t next(std::size_t i) const {
    if (rules_.contractions == Contractions::exact ||
        rules_.contractions == Contractions::any_case) {
      if (const auto end = contraction(i); end != i) return end;
    }
    if (const auto end = rules_.splits_case ? cased_word(i) : word(i); end != i) return end;
    if (const auto end = number(i); end != i) return end;
    if (const auto end = symbols(i); end != i) return end;
    return white_space(i);
  }

  std::size_t contraction(std::size_t i) const {
    if (!is(i, U'\'') || i + 1 >= characters_.size()) return i;
    const auto letter = [&](std::size_t at) {
      if (at >= characters_.size()) return U'\0';
      const char32_t c = characters_[at].code;
      return rules_.contractions == Contractions::exact ? c : folded(c);
    };
    const char32_t first = letter(i + 1), second = letter(i + 2);
    if (first == U's' || first == U't' || first == U'm' || first == U'd') return i + 2;
    const bool two =
        ((first == U'r' || first == U'v') && second == U'e') || (first == U'l' && second == U'l');
    return two ? i + 3 : i;
  }

  std::size_t word(std::size_t i) const {
    const auto in_word = [this](std::size_t at) {
      return is_letter(kind(at)) || (rules_.marks_in_words && kind(at) == CharacterKind::mark);
    };
    const std::size_t begin = !in_word(i) && may_lead(i) ? i + 1 : i;
    const std::size_t end = run(begin, in_word);
    return end == begin ? i : end;
  }

  // Two alternatives, each first with its lead and then without: what ends in a small letter, and
  // what is capitals only.
  std::size_t cased_word(std::size_t i) const {
    for (const auto tail : {&Scanner::ending_small, &Scanner::capitals}) {
      for (std::size_t begin = may_lead(i) ? i + 1 : i;; --begin) {
        const std::size_t end = (this->*tail)(begin);
        if (end != begin)
          return rules_.contractions == Contractions::suffix ? contraction(end) : end;
        if (begin == i) break;
      }
    }
    return i;
  }

  std::size_t ending_small(std::size_t i) const {
    std::size_t end = capitals(i);
    if (is_small(end)) return run(end, [this](std::size_t at) { return is_small(at); });
    while (end > i && !is_small(end - 1)) --end;
    return end;
  }

  std::size_t capitals(std::size_t i) const {
    return run(i, [this](std::size_t at) { return is_capital(at); });
  }

  std::size_t number(std::size_t i) const {
    const std::size_t begin = !rules_.any_lead && is(i, U' ') ? i + 1 : i;
    const auto most = static_cast<std::size_t>(rules_.longest_number);
    const std::size_t end = run(begin, [&](std::size_t at) {
      return kind(at) == CharacterKind::number && (most == 0 || at - begin < most);
    });
    return end == begin ? i : end;
  }

  std::size_t symbols(std::size_t i) const {
    const std::size_t begin = is(i, U' ') ? i + 1 : i;
    const std::size_t end = run(begin, [this](std::size_t at) {
      return kind(at) == CharacterKind::other ||
             (kind(at) == CharacterKind::mark && !rules_.marks_in_words);
    });
    if (end == begin) return i;
    return run(end, [this](std::size_t at) {
      const char32_t c = characters_[at].code;
      return c < 128 && rules_.symbol_tail.find(static_cast<char>(c)) != std::string_view::npos;
    });
  }

  // Up to the last line end; else all but one character, which leads the next word; the end of the
  // text has none.
  std::size_t white_space(std::size_t i) const {
    std::size_t after_line_end = i;
    const std::size_t end = run(i, [&](std::size_t at) {
      if (kind(at) == CharacterKind::line_end) after_line_end = at + 1;
      return is_white_space(kind(at));
    });
    if (rules_.any_lead && after_line_end != i) return after_line_end;
    return end == characters_.size() || end - i <= 1 ? end : end - 1;
  }

  template <class Belongs>
  std::size_t run(std::size_t i, const Belongs& belongs) const {
    while (i < characters_.size() && belongs(i)) ++i;
    return i;
  }
  CharacterKind kind(std::size_t i) const { return characters_[i].kind; }
  bool is(std::size_t i, char32_t c) const {
    return i < characters_.size() && characters_[i].code == c;
  }
  bool may_lead(std::size_t i) const {
    if (!rules_.any_lead) return is(i, U' ');
    return !is_letter(kind(i)) && kind(i) != CharacterKind::number &&
           kind(i) != CharacterKind::line_end;
  }
  bool is_capital(std::size_t i) const {
    return is_letter(kind(i)) ? kind(i) != CharacterKind::lower : kind(i) == CharacterKind::mark;
  }
  bool is_small(std::size_t i) const {
    if (i >= characters_.size()) return false;
    return is_letter(kind(i)) ? kind(i) != CharacterKind::upper : kind(i) == CharacterKind::mark;
  }

  const WordRules& rules_;
  std::vector<Character> characters_;
};

}  // namespace

void append_words(std::string_view text, const WordRules& rules, std::size_t offset,
                  std::vector<std::size_t>& ends) {
  Scanner(text, rules).append(offset, ends);
}

}  // namespace pennyweight::llm
