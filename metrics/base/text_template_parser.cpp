#include <algorithm>
#include <iterator>

#include "metrics/base/text_template_cursor.h"
#include "metrics/base/text_template_names.h"
#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

using Kind = Token::Kind;
using Op = Expression::Kind;
using Parsed = Result<Statement>;

class Parser {
 public:
  Parser(std::vector<Token> tokens, TemplateUse use) : in_(std::move(tokens), use) {}

  Result<std::vector<Statement>> run() {
    Result<std::vector<Statement>> all = statements();
    if (all && in_.peek().kind != Kind::end) return unexpected_tag();
    if (all && in_.use == TemplateUse::task_set) {
      if (Result<void> known = check_calls(); !known) return fail(known.error());
    }
    return all;
  }

 private:
  struct Tag {
    std::string_view word;
    Parsed (Parser::*parse)();
  };
  static const Tag* tags();

  tl::unexpected<Error> unexpected_tag() const {
    return fail_at(in_.peek().place, "\"" + in_.peek(1).text + "\" is not expected here", "",
                   "supported tags are for, if, elif, else, set, macro, call, filter, with, break, "
                   "continue and raw");
  }
  Result<void> check_calls() const {
    const std::vector<std::string> known = function_names();
    for (const Token& call : in_.called) {
      if (in_.bound.count(call.text) > 0) continue;
      if (std::find(known.begin(), known.end(), call.text) != known.end()) continue;
      const std::string_view near = nearest(call.text, known);
      return fail_at(call.place, "no function \"" + call.text + "\"", "",
                     near.empty() ? "" : "did you mean \"" + std::string(near) + "\"?");
    }
    return {};
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
  // Reads an expression into `out`.
  Result<void> read(Expression& out, Result<Expression> (*parse)(Cursor&)) {
    in_.start_expression();
    Result<Expression> value = parse(in_);
    if (!value) return fail(value.error());
    out = std::move(*value);
    return {};
  }

  // Statements up to the end or to a tag that is not one, such as endfor.
  Result<std::vector<Statement>> statements() {
    std::vector<Statement> out;
    for (;;) {
      Parsed next = Statement{};
      if (in_.peek().kind == Kind::text) {
        next->text = in_.take().text;
      } else if (in_.peek().kind == Kind::open_output) {
        next = output();
      } else {
        const Tag* tag = tags();
        while (tag->parse != nullptr && !in_.is_tag(tag->word)) ++tag;
        if (tag->parse == nullptr) return out;
        next = in_.nested([&] { return (this->*tag->parse)(); });
      }
      if (!next) return fail(next.error());
      out.push_back(std::move(*next));
    }
  }

  Parsed output() {
    in_.take();
    Statement out;
    out.kind = Statement::Kind::output;
    Result<void> rest = read(out.expression, parse_expressions);
    if (rest) rest = expect_close(Kind::close_output);
    if (!rest) return fail(rest.error());
    return out;
  }

  // a or a.b or a, b, for set and for.
  Result<void> target(Expression& out, bool may_be_member) {
    const Place place = in_.peek().place;
    std::vector<Expression> names;
    const bool wrapped = in_.take_symbol("(");
    do {
      const Place begin = in_.peek().place;
      Result<std::string> name = in_.expect_name();
      if (!name) return fail(name.error());
      in_.bound.insert(*name);
      names.push_back(Expression{Op::name, *name, {}, {}, begin});
      if (!may_be_member || !in_.take_symbol(".")) continue;
      Result<std::string> attribute = in_.expect_name();
      if (!attribute) return fail(attribute.error());
      names.back() = Expression{Op::member, *attribute, {}, {std::move(names.back())}, begin};
    } while (in_.take_symbol(","));
    if (wrapped) {
      if (Result<void> end = in_.expect_symbol(")"); !end) return end;
    }
    if (names.size() == 1) {
      out = std::move(names[0]);
    } else {
      out = Expression{Op::tuple, {}, {}, std::move(names), place};
    }
    return {};
  }

  // Up to the closing parenthesis: names with defaults.
  Result<void> parameters(Expression& out) {
    out = Expression{Op::tuple, {}, {}, {}, in_.peek().place};
    return in_.separated(")", [&]() -> Result<void> {
      const Place place = in_.peek().place;
      Result<std::string> name = in_.expect_name();
      if (!name) return fail(name.error());
      in_.bound.insert(*name);
      out.operands.push_back(Expression{Op::name, *name, {}, {}, place});
      if (!in_.take_symbol("=")) return {};
      Expression otherwise;
      if (Result<void> value = read(otherwise, parse_expression); !value) return value;
      out.operands.back().operands.push_back(std::move(otherwise));
      return {};
    });
  }

  Parsed assign() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::assign;
    Result<void> rest = target(out.target, true);
    if (!rest) return fail(rest.error());
    if (in_.take_symbol("=")) {
      rest = read(out.expression, parse_expressions);
      if (rest) rest = expect_close(Kind::close_tag);
    } else {
      out.kind = Statement::Kind::capture;
      in_.start_expression();
      Result<Expression> filters = parse_filters(in_, true);
      if (!filters) return fail(filters.error());
      out.expression = std::move(*filters);
      rest = body(out, "endset");
    }
    if (!rest) return fail(rest.error());
    return out;
  }

  Parsed filter() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::filter;
    in_.start_expression();
    Result<Expression> filters = parse_filters(in_, false);
    if (!filters) return fail(filters.error());
    out.expression = std::move(*filters);
    if (Result<void> rest = body(out, "endfilter"); !rest) return fail(rest.error());
    return out;
  }

  Parsed loop() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::loop;
    Result<void> rest = target(out.target, false);
    if (rest && !in_.take_word("in")) return in_.wanted("\"in\"");
    if (rest) rest = read(out.expression, parse_unconditional);
    if (rest && in_.take_word("if")) {
      rest = read(out.only_if.emplace(), parse_expression);
    }
    if (rest) rest = expect_close(Kind::close_tag);
    ++loops_;
    if (rest) rest = statements_into(out.body);
    --loops_;
    if (rest && in_.is_tag("else")) rest = otherwise(out);
    if (rest) rest = expect_end_tag("endfor");
    if (!rest) return fail(rest.error());
    return out;
  }

  // {% if %} and {% elif %} alike: the latter is an if inside the else.
  Parsed condition() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::condition;
    Result<void> rest = read(out.expression, parse_expressions);
    if (rest) rest = expect_close(Kind::close_tag);
    if (rest) rest = statements_into(out.body);
    if (!rest) return fail(rest.error());
    if (in_.is_tag("elif")) {
      Parsed other = in_.nested([this] { return condition(); });  // takes the endif
      if (!other) return other;
      out.otherwise.push_back(std::move(*other));
      return out;
    }
    if (in_.is_tag("else")) rest = otherwise(out);
    if (rest) rest = expect_end_tag("endif");
    if (!rest) return fail(rest.error());
    return out;
  }

  Parsed macro() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::macro;
    Result<std::string> name = in_.expect_name();
    if (!name) return fail(name.error());
    out.text = *name;
    in_.bound.insert(*name);
    in_.bound.insert("caller");
    Result<void> rest = in_.expect_symbol("(");
    if (rest) rest = parameters(out.target);
    if (rest) rest = body_without_loops(out, "endmacro");
    if (!rest) return fail(rest.error());
    return out;
  }

  Parsed call() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::call;
    Result<void> rest;
    if (in_.take_symbol("(")) rest = parameters(out.target);
    if (rest) rest = read(out.expression, parse_expression);
    if (rest && out.expression.kind != Op::call) return in_.wanted("a call of a macro");
    if (rest) rest = body_without_loops(out, "endcall");
    if (!rest) return fail(rest.error());
    return out;
  }

  // What transformers puts around the assistant's own text; nothing to a prompt.
  Parsed generation() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::scope;
    if (Result<void> rest = body(out, "endgeneration"); !rest) return fail(rest.error());
    return out;
  }

  Parsed with() {
    take_tag();
    Statement out;
    out.kind = Statement::Kind::scope;
    while (in_.peek().kind == Kind::name) {
      Statement set;
      set.kind = Statement::Kind::assign;
      const Token name = in_.take();
      in_.bound.insert(name.text);
      set.target = Expression{Op::name, name.text, {}, {}, name.place};
      Result<void> rest = in_.expect_symbol("=");
      if (rest) rest = read(set.expression, parse_expression);
      if (!rest) return fail(rest.error());
      out.body.push_back(std::move(set));
      if (!in_.take_symbol(",")) break;
    }
    if (Result<void> rest = body(out, "endwith"); !rest) return fail(rest.error());
    return out;
  }

  Parsed jump() {
    Statement out;
    out.kind = in_.is_tag("break") ? Statement::Kind::leave : Statement::Kind::next;
    if (loops_ == 0) return unexpected_tag();
    take_tag();
    if (Result<void> end = expect_close(Kind::close_tag); !end) return fail(end.error());
    return out;
  }

  Result<void> statements_into(std::vector<Statement>& out) {
    Result<std::vector<Statement>> all = statements();
    if (!all) return fail(all.error());
    std::move(all->begin(), all->end(), std::back_inserter(out));
    return {};
  }
  // From the end of the opening tag to behind the closing one.
  Result<void> body(Statement& out, std::string_view end) {
    Result<void> rest = expect_close(Kind::close_tag);
    if (rest) rest = statements_into(out.body);
    return rest ? expect_end_tag(end) : rest;
  }
  Result<void> body_without_loops(Statement& out, std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    Result<void> rest = body(out, end);
    loops_ = loops;
    return rest;
  }
  Result<void> otherwise(Statement& out) {
    take_tag();
    Result<void> rest = expect_close(Kind::close_tag);
    return rest ? statements_into(out.otherwise) : rest;
  }
  Result<void> expect_end_tag(std::string_view word) {
    if (in_.peek().kind == Kind::end) return in_.wanted("{% " + std::string(word) + " %}");
    if (!in_.is_tag(word)) return unexpected_tag();
    take_tag();
    if (word != "endif" && word != "endfor") in_.take_word(in_.peek().text);  // endmacro NAME
    return expect_close(Kind::close_tag);
  }

  Cursor in_;
  int loops_ = 0;  // around the statement, in the same macro
};

const Parser::Tag* Parser::tags() {
  static constexpr Tag kTags[] = {{"for", &Parser::loop},
                                  {"if", &Parser::condition},
                                  {"set", &Parser::assign},
                                  {"macro", &Parser::macro},
                                  {"call", &Parser::call},
                                  {"filter", &Parser::filter},
                                  {"generation", &Parser::generation},
                                  {"with", &Parser::with},
                                  {"break", &Parser::jump},
                                  {"continue", &Parser::jump},
                                  {"", nullptr}};
  return kTags;
}

}  // namespace

Result<std::vector<Statement>> parse(std::string_view source, TemplateUse use) {
  Result<std::vector<Token>> tokens = tokenize(source, use);
  if (!tokens) return fail(tokens.error());
  return Parser(std::move(*tokens), use).run();
}

}  // namespace pennyweight::templates
