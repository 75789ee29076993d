// A place in the tokens of a template, with the limits that keep a hostile one from our stack.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/base/text_template_syntax.h"

namespace pennyweight::template_syntax {

class Cursor {
 public:
  explicit Cursor(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

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
  bool is_symbol(std::string_view text) const {
    return peek().kind == Token::Kind::symbol && peek().text == text;
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
    if (++operators_ > 1000) return fail_at(peek().place, "the expression is too long");
    return {};
  }
  void start_expression() { operators_ = 0; }

 private:
  std::vector<Token> tokens_;  // the last one is the end
  std::size_t at_ = 0;
  int depth_ = 0, operators_ = 0;
};

Result<Expression> parse_expression(Cursor& cursor);

}  // namespace pennyweight::template_syntax
