#include "local_backend/grammar/gbnf_parser.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

using Kind = GrammarExpression::Kind;
using Range = CharClass::Range;

constexpr int kMaxDepth = 200;  // of groups

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// UTF-8 has no surrogates.
bool is_empty(const CharClass& set) {
  return std::ranges::all_of(set.ranges(), [](const Range& range) {
    return range.first >= 0xD800 && range.last <= 0xDFFF;
  });
}

// Reads by recursive descent. The first error is kept and everything then ends.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<GrammarTree> parse() {
    skip_blank(true);
    while (!error_ && at_ < text_.size()) parse_rule();
    for (const auto& rule : tree_.rules)
      if (!rule.defined)
        complain(fmt::format("rule \"{}\" is used and not defined", rule.name), rule.line);
    const auto root = rule_ids_.find("root");
    if (root == rule_ids_.end()) complain("there is no rule \"root\"");
    if (error_) return fail(*error_);
    tree_.root = root->second;
    return std::move(tree_);
  }

 private:
  void complain(const std::string& what, int line = 0) {
    if (error_) return;
    error_ = Error{ErrorKind::invalid_input,
                   fmt::format("grammar, line {}: {}", line > 0 ? line : line_, what), "",
                   "correct the grammar"};
    at_ = text_.size();
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  void skip_blank(bool lines_too) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ' ' || c == '\t' || (lines_too && (c == '\n' || c == '\r'))) {
        line_ += c == '\n' ? 1 : 0;
        ++at_;
      } else {
        return;
      }
    }
  }

  std::string_view take_name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name_char(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  std::uint32_t rule_id(std::string_view name) {
    const auto [it, added] =
        rule_ids_.emplace(std::string(name), static_cast<std::uint32_t>(tree_.rules.size()));
    if (added) tree_.rules.push_back({std::string(name), line_, false, {}});
    return it->second;
  }

  void parse_rule() {
    const std::string_view name = take_name();
    if (name.empty()) return complain("a rule's name is missing: name ::= ...");
    const std::uint32_t id = rule_id(name);
    skip_blank(false);
    if (!take("::=")) return complain(fmt::format("\"::=\" is missing after \"{}\"", name));
    if (tree_.rules[id].defined) return complain(fmt::format("rule \"{}\" is defined twice", name));
    tree_.rules[id].defined = true;
    skip_blank(true);
    auto body = parse_choice(0);
    tree_.rules[id].body = std::move(body);
    if (error_) return;
    if (at_ < text_.size() && peek() != '\n' && peek() != '\r')
      return complain(fmt::format("\"{}\" is not expected here", printable(text_.substr(at_, 1))));
    skip_blank(true);
  }

  // Alternatives, up to the end of the line or of the group. A "|" may begin the next line.
  GrammarExpression parse_choice(int depth) {
    GrammarExpression choice{.kind = Kind::choice};
    for (;;) {
      choice.parts.push_back(parse_sequence(depth));
      if (error_) return choice;
      const std::pair place(at_, line_);
      skip_blank(true);
      if (!take("|")) {
        if (depth == 0) std::tie(at_, line_) = place;
        break;
      }
      skip_blank(true);
    }
    if (choice.parts.size() > 1) return choice;
    GrammarExpression only = std::move(choice.parts.front());
    return only;
  }

  GrammarExpression parse_sequence(int depth) {
    GrammarExpression sequence;
    while (!error_) {
      skip_blank(depth > 0);
      const std::size_t before = sequence.parts.size();
      if (!parse_item(depth, sequence.parts)) break;
      if (!error_) parse_repeat(sequence.parts, before);
    }
    return sequence;
  }

  // Appends what one item stands for: nothing for an empty literal. False: there is no item here.
  bool parse_item(int depth, std::vector<GrammarExpression>& out) {
    const char c = peek();
    if (c == '"') {
      parse_literal(out);
    } else if (c == '[') {
      out.push_back(match(parse_class()));
    } else if (c == '.') {
      ++at_;
      out.push_back(match(CharClass({}, true)));
    } else if (c == '(') {
      ++at_;
      if (depth >= kMaxDepth) complain(fmt::format("more than {} groups in each other", kMaxDepth));
      if (error_) return true;
      skip_blank(true);
      out.push_back(parse_choice(depth + 1));
      if (!error_ && !take(")")) complain("a group is not closed by \")\"");
    } else if (is_name_char(c) && at_ < text_.size()) {
      const std::uint32_t id = rule_id(take_name());
      out.push_back({.kind = Kind::call, .index = id});
    } else {
      return false;
    }
    return true;
  }

  // "abc"* repeats the whole literal: what was appended since `before`. One repetition an item.
  void parse_repeat(std::vector<GrammarExpression>& out, std::size_t before) {
    skip_blank(false);
    GrammarExpression repeat{.kind = Kind::repeat};
    const char c = peek();
    if (c == '{') {
      if (!parse_bounds(repeat.least, repeat.most)) return;
    } else if (c == '*' || c == '+' || c == '?') {
      ++at_;
      repeat.least = c == '+' ? 1 : 0;
      repeat.most = c == '?' ? 1 : kUnbounded;
    } else {
      return;
    }
    GrammarExpression body;
    const auto from = out.begin() + static_cast<std::ptrdiff_t>(before);
    body.parts.assign(std::make_move_iterator(from), std::make_move_iterator(out.end()));
    out.erase(from, out.end());
    const bool single = body.parts.size() == 1;
    repeat.parts.push_back(single ? std::move(body.parts.front()) : std::move(body));
    out.push_back(std::move(repeat));
  }

  bool parse_bounds(std::uint32_t& least, std::uint32_t& most) {
    ++at_;
    const bool begun = number(least);
    most = least;
    skip_blank(false);
    if (begun && take(",")) {
      most = kUnbounded;
      skip_blank(false);
      if (peek() != '}') number(most);
      skip_blank(false);
    }
    if (!begun || !take("}"))
      complain("after \"{\" come one or two numbers and \"}\"");
    else if (least > most)
      complain(fmt::format("{{{},{}}} allows nothing", least, most));
    return !error_;
  }

  bool number(std::uint32_t& out) {
    skip_blank(false);
    const char* end = text_.data() + text_.size();
    const auto parsed = std::from_chars(text_.data() + at_, end, out);
    if (parsed.ec == std::errc::invalid_argument) return false;
    at_ = static_cast<std::size_t>(parsed.ptr - text_.data());
    if (parsed.ec != std::errc() || out > Grammar::kMaxRepeat)
      complain(fmt::format("a repetition of more than {}", Grammar::kMaxRepeat));
    return true;
  }

  void parse_literal(std::vector<GrammarExpression>& out) {
    const int begin = line_;
    ++at_;
    while (at_ < text_.size() && peek() != '"') {
      const auto c = character();
      if (!c) return;
      const CharClass set({{*c, *c}});
      if (is_empty(set)) return complain("half of a character; write it whole, as \\UHHHHHHHH");
      out.push_back(match(set));
    }
    if (!error_ && !take("\"")) complain("a literal is not closed", begin);
  }

  CharClass parse_class() {
    const int begin = line_;
    ++at_;
    const bool inverted = take("^");
    std::vector<Range> ranges;
    while (at_ < text_.size() && peek() != ']') {
      const auto first = character();
      if (!first) break;
      auto last = first;
      if (text_.substr(at_, 1) == "-" && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        last = character();
        if (!last) break;
      }
      if (*last < *first) complain("a range of characters whose end is before its beginning");
      ranges.push_back({*first, *last});
    }
    if (!error_ && !take("]")) complain("a class is not closed by \"]\"", begin);
    CharClass set(std::move(ranges), inverted);
    if (is_empty(set)) complain("a class that holds no character", begin);
    return set;
  }

  // One character as written, escaped or not.
  std::optional<char32_t> character() {
    if (peek() == '\n') ++line_;
    if (take("\\")) return escape();
    const auto rest = text_.substr(at_, 4);
    std::size_t length = 1;
    while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0) == 0x80)
      ++length;
    at_ += length;
    return code_points(rest.substr(0, length)).front();
  }

  std::optional<char32_t> escape() {
    const char c = peek();
    if (at_ < text_.size()) ++at_;
    switch (c) {
      case 'n':
        return U'\n';
      case 'r':
        return U'\r';
      case 't':
        return U'\t';
      case 'x':
        return hex(2);
      case 'u':
        return hex(4);
      case 'U':
        return hex(8);
      default:
        break;
    }
    if (c != '\0' && std::string_view("\\\"[]-^/'").find(c) != std::string_view::npos)
      return static_cast<unsigned char>(c);
    complain(fmt::format("the escape \"\\{}\" is not known", printable(std::string_view(&c, 1))));
    return std::nullopt;
  }

  std::optional<char32_t> hex(std::size_t digits) {
    const std::string_view word = text_.substr(at_, digits);
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value, 16);
    if (word.size() < digits || parsed.ptr != word.data() + digits || parsed.ec != std::errc() ||
        value > kLastCodePoint) {
      complain(fmt::format("an escape without its {} hexadecimal digits", digits));
      return std::nullopt;
    }
    at_ += digits;
    return static_cast<char32_t>(value);
  }

  GrammarExpression match(const CharClass& set) {
    std::vector<char32_t> key;
    for (const Range& range : set.ranges()) {
      key.push_back(range.first);
      key.push_back(range.last);
    }
    const auto [it, added] =
        class_ids_.emplace(std::move(key), static_cast<std::uint32_t>(tree_.classes.size()));
    if (added) tree_.classes.push_back(set);
    return {.kind = Kind::match, .index = it->second};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  GrammarTree tree_;
  std::map<std::string, std::uint32_t, std::less<>> rule_ids_;
  std::map<std::vector<char32_t>, std::uint32_t> class_ids_;
  std::optional<Error> error_;
};

}  // namespace

Result<GrammarTree> parse_gbnf(std::string_view text) {
  if (text.size() > Grammar::kMaxText)
    return fail(ErrorKind::unsupported, fmt::format("a grammar of {} bytes", text.size()),
                fmt::format("at most {} are read", Grammar::kMaxText), "make it shorter");
  return Parser(text).parse();
}

}  // namespace pennyweight::llm
