#include "metrics/base/text_template_cursor.h"

namespace pennyweight::template_syntax {
namespace {

using Kind = Token::Kind;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : in_(std::move(tokens)) {}

  Result<std::vector<Statement>> run() {
    Result<std::vector<Statement>> all = statements();
    if (all && in_.peek().kind != Kind::end) return unexpected_tag();
    return all;
  }

 private:
  tl::unexpected<Error> unexpected_tag() const {
    return fail_at(in_.peek().place, "\"" + in_.peek(1).text + "\" is not expected here", "",
                   "supported tags are for, if, elif, else and set");
  }
  Result<void> expect_close(Kind kind) {
    if (in_.peek().kind != kind) return in_.wanted(kind == Kind::close_tag ? "\"%}\"" : "\"}}\"");
    in_.take();
    return {};
  }
  void take_tag() {
    in_.take();
    in_.take();
  }
  Result<Expression> expression() {
    in_.start_expression();
    return parse_expression(in_);
  }

  // Statements up to the end or to a tag that is not one, such as endfor.
  Result<std::vector<Statement>> statements() {
    std::vector<Statement> out;
    for (;;) {
      Result<Statement> next = Statement{};
      if (in_.peek().kind == Kind::text) {
        next->text = in_.take().text;
      } else if (in_.peek().kind == Kind::open_output) {
        next = output();
      } else if (in_.is_tag("for")) {
        next = in_.nested([this] { return loop(); });
      } else if (in_.is_tag("if")) {
        next = in_.nested([this] { return condition(); });
      } else if (in_.is_tag("set")) {
        next = assign();
      } else {
        return out;
      }
      if (!next) return fail(next.error());
      out.push_back(std::move(*next));
    }
  }

  Result<Statement> output() {
    in_.take();
    Statement out;
    out.kind = Statement::Kind::output;
    Result<Expression> value = expression();
    if (!value) return fail(value.error());
    out.expression = std::move(*value);
    if (Result<void> end = expect_close(Kind::close_output); !end) return fail(end.error());
    return out;
  }

  Result<Statement> assign() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::assign;
    Result<std::string> name = in_.expect_name();
    if (!name) return fail(name.error());
    out.text = *name;
    if (Result<void> equals = in_.expect_symbol("="); !equals) return fail(equals.error());
    Result<Expression> value = expression();
    if (!value) return fail(value.error());
    out.expression = std::move(*value);
    if (Result<void> end = expect_close(Kind::close_tag); !end) return fail(end.error());
    return out;
  }

  Result<Statement> loop() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::loop;
    Result<std::string> name = in_.expect_name();
    if (!name) return fail(name.error());
    out.text = *name;
    if (!in_.take_word("in")) return in_.wanted("\"in\"");
    Result<void> rest = head_and_body(out);
    if (rest) rest = expect_end_tag("endfor");
    if (!rest) return fail(rest.error());
    return out;
  }

  // {% if %} and {% elif %} alike: the latter is an if inside the else.
  Result<Statement> condition() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::condition;
    if (Result<void> rest = head_and_body(out); !rest) return fail(rest.error());
    if (in_.is_tag("elif")) {
      Result<Statement> other = in_.nested([this] { return condition(); });  // takes the endif
      if (!other) return fail(other.error());
      out.otherwise.push_back(std::move(*other));
      return out;
    }
    if (in_.is_tag("else")) {
      take_tag();
      if (Result<void> end = expect_close(Kind::close_tag); !end) return fail(end.error());
      Result<std::vector<Statement>> other = statements();
      if (!other) return fail(other.error());
      out.otherwise = std::move(*other);
    }
    if (Result<void> end = expect_end_tag("endif"); !end) return fail(end.error());
    return out;
  }

  Result<void> head_and_body(Statement& out) {
    Result<Expression> head = expression();
    if (!head) return fail(head.error());
    out.expression = std::move(*head);
    if (Result<void> end = expect_close(Kind::close_tag); !end) return end;
    Result<std::vector<Statement>> body = statements();
    if (!body) return fail(body.error());
    out.body = std::move(*body);
    return {};
  }

  Result<void> expect_end_tag(std::string_view word) {
    if (in_.peek().kind == Kind::end) return in_.wanted("{% " + std::string(word) + " %}");
    if (!in_.is_tag(word)) return unexpected_tag();
    take_tag();
    return expect_close(Kind::close_tag);
  }

  Cursor in_;
};

}  // namespace

Result<std::vector<Statement>> parse(std::string_view source, Blanks blanks) {
  Result<std::vector<Token>> tokens = tokenize(source, blanks);
  if (!tokens) return fail(tokens.error());
  return Parser(std::move(*tokens)).run();
}

}  // namespace pennyweight::template_syntax
