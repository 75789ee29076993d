// A place in the tokens of a template, with the limits that keep a hostile one from our stack.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/base/text_template_syntax.h"

namespace pennyweight::templates {

class Cursor {
 public:
  Cursor(std::vector<Token> tokens, TemplateUse reads) : use(reads), tokens_(std::move(tokens)) {}

  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  Token take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool is_word(std::string_view text, std::size_t ahead = 0) const {
    return peek(ahead).kind == Token::Kind::name && peek(ahead).text == text;
  }
  bool is_tag(std::string_view word) const {
    return peek().kind == Token::Kind::open_tag && is_word(word, 1);
  }
  bool is_symbol(std::string_view text, std::size_t ahead = 0) const {
    return peek(ahead).kind == Token::Kind::symbol && peek(ahead).text == text;
  }
  bool take_symbol(std::string_view text) {
    const bool there = is_symbol(text);
    if (there) take();
    return there;
  }
  bool take_word(std::string_view text) {
    const bool there = is_word(text);
    if (there) take();
    return there;
  }

  tl::unexpected<Error> wanted(std::string_view what) const {
    return fail_at(peek().place, "expected " + std::string(what));
  }
  Result<void> expect_symbol(std::string_view text) {
    if (!take_symbol(text)) return wanted("\"" + std::string(text) + "\"");
    return {};
  }
  Result<std::string> expect_name() {
    if (peek().kind != Token::Kind::name) return wanted("a name");
    return take().text;
  }

  // Reads what `item` reads, with commas between, up to and with `close`.
  template <class Parse>
  Result<void> separated(std::string_view close, Parse item) {
    while (!take_symbol(close)) {
      if (Result<void> read = item(); !read) return read;
      if (is_symbol(close)) continue;
      if (Result<void> comma = expect_symbol(","); !comma) return comma;
    }
    return {};
  }

  // Runs `parse` one level deeper.
  template <class Parse>
  auto nested(Parse parse) -> decltype(parse()) {
    if (depth_ == 100) return fail_at(peek().place, "nested too deeply");
    ++depth_;
    auto result = parse();
    --depth_;
    return result;
  }
  // For each operator: a long chain of them is a deep tree.
  Result<void> count_operator() {
    if (++operators_ > 400) return fail_at(peek().place, "the expression is too long");
    return {};
  }
  void start_expression() { operators_ = 0; }

  const TemplateUse use;
  // Names that are called, and those that a tag binds: a name may be called before its macro.
  std::vector<Token> called;
  std::set<std::string> bound;

 private:
  std::vector<Token> tokens_;  // the last one is the end
  std::size_t at_ = 0;
  int depth_ = 0, operators_ = 0;
};

// a if b else c, or anything simpler.
Result<Expression> parse_expression(Cursor& cursor);
// Without "if": what a for loop runs over.
Result<Expression> parse_unconditional(Cursor& cursor);
// Expressions with commas between become a tuple.
Result<Expression> parse_expressions(Cursor& cursor);
// | filter | filter, on what a block renders to.
Result<Expression> parse_filters(Cursor& cursor, bool bar_first);

}  // namespace pennyweight::templates
