#include <charconv>

#include "metrics/base/text_template_cursor.h"
#include "metrics/base/utf8.h"

namespace pennyweight::template_syntax {
namespace {

using Kind = Token::Kind;
using Op = Expression::Kind;

struct Filter {
  std::string_view name;
  std::size_t least, most;  // arguments
};
constexpr Filter kFilters[] = {{"strip", 0, 0},   {"trim", 0, 0},  {"lower", 0, 0},
                               {"upper", 0, 0},   {"json", 0, 0},  {"tojson", 0, 0},
                               {"letter", 0, 0},  {"lines", 0, 0}, {"length", 0, 0},
                               {"default", 1, 1}, {"join", 0, 1}};

// One method a level of precedence, loosest first, as in Jinja.
class ExpressionParser {
 public:
  explicit ExpressionParser(Cursor& in) : in_(in) {}
  using Parsed = Result<Expression>;
  Parsed expression() {
    return in_.nested([this] { return logical_or(); });
  }

 private:
  static Expression make(Op kind, Place place, std::string text = {}) {
    return Expression{kind, std::move(text), {}, {}, place};
  }
  static Expression make(Op kind, Place place, Expression operand, std::string text = {}) {
    Expression out = make(kind, place, std::move(text));
    out.operands.push_back(std::move(operand));
    return out;
  }

  // Left-associative operators of one precedence: `match` takes one and says which.
  template <class Match>
  Parsed chain(Parsed (ExpressionParser::*operand)(), Match match) {
    Parsed left = (this->*operand)();
    while (left) {
      const Place place = in_.peek().place;
      bool inverted = false;
      const Op* kind = match(inverted);
      if (kind == nullptr) break;
      Parsed right = (this->*operand)();
      if (!right) return right;
      left = make(*kind, place, std::move(*left));
      left->operands.push_back(std::move(*right));
      if (inverted) left = make(Op::logical_not, place, std::move(*left));
      if (Result<void> more = in_.count_operator(); !more) return fail(more.error());
    }
    return left;
  }
  template <Op kind>
  static const Op* is(bool there) {
    static constexpr Op kKind = kind;
    return there ? &kKind : nullptr;
  }

  Parsed logical_or() {
    return chain(&ExpressionParser::logical_and,
                 [this](bool&) { return is<Op::logical_or>(in_.take_word("or")); });
  }
  Parsed logical_and() {
    return chain(&ExpressionParser::logical_not,
                 [this](bool&) { return is<Op::logical_and>(in_.take_word("and")); });
  }
  Parsed logical_not() {
    const Place place = in_.peek().place;
    if (!in_.take_word("not")) return comparison();
    Parsed operand = in_.nested([this] { return logical_not(); });
    if (!operand) return operand;
    return make(Op::logical_not, place, std::move(*operand));
  }
  Parsed comparison() {
    return chain(&ExpressionParser::sum, [this](bool& inverted) -> const Op* {
      if (in_.is_word("not") && in_.is_word("in", 1)) {
        in_.take();
        in_.take();
        inverted = true;
        return is<Op::contains>(true);
      }
      if (in_.take_word("in")) return is<Op::contains>(true);
      inverted = in_.take_symbol("!=");
      return is<Op::equal>(inverted || in_.take_symbol("=="));
    });
  }
  Parsed sum() {
    return chain(&ExpressionParser::joined,
                 [this](bool&) { return is<Op::add>(in_.take_symbol("+")); });
  }
  Parsed joined() {
    return chain(&ExpressionParser::remainder,
                 [this](bool&) { return is<Op::join>(in_.take_symbol("~")); });
  }
  Parsed remainder() {
    return chain(&ExpressionParser::filtered,
                 [this](bool&) { return is<Op::modulo>(in_.take_symbol("%")); });
  }

  Parsed filtered() {
    Parsed value = unary();
    while (value) {
      const Place place = in_.peek().place;
      if (in_.take_symbol("|")) {
        value = filter(std::move(*value), place);
      } else if (in_.take_word("is")) {
        value = test(std::move(*value), place);
      } else {
        break;
      }
      if (Result<void> more = in_.count_operator(); value && !more) return fail(more.error());
    }
    return value;
  }

  Parsed filter(Expression value, Place place) {
    Result<std::string> name = in_.expect_name();
    if (!name) return fail(name.error());
    Expression out = make(Op::filter, place, std::move(value), *name);
    if (in_.take_symbol("(") && !in_.take_symbol(")")) {
      do {
        Parsed argument = expression();
        if (!argument) return argument;
        out.operands.push_back(std::move(*argument));
      } while (in_.take_symbol(","));
      if (Result<void> end = in_.expect_symbol(")"); !end) return fail(end.error());
    }
    std::vector<std::string> known;
    for (const Filter& filter : kFilters) {
      known.emplace_back(filter.name);
      if (filter.name != *name) continue;
      const std::size_t n = out.operands.size() - 1;
      if (n < filter.least || n > filter.most) {
        return fail_at(place, "wrong number of arguments for the filter \"" + *name + "\"");
      }
      return out;
    }
    const std::string_view near = nearest(*name, known);
    return fail_at(place, "no filter \"" + *name + "\"", "",
                   near.empty() ? "" : "did you mean \"" + std::string(near) + "\"?");
  }

  Parsed test(Expression value, Place place) {
    const bool inverted = in_.take_word("not");
    Result<std::string> name = in_.expect_name();
    if (!name) return fail(name.error());
    if (*name != "defined" && *name != "none" && *name != "string") {
      return fail_at(place, "no test \"" + *name + "\"", "", "use defined, none or string");
    }
    Expression out = make(Op::test, place, std::move(value), *name);
    return inverted ? make(Op::logical_not, place, std::move(out)) : std::move(out);
  }

  Parsed unary() {
    const Place place = in_.peek().place;
    if (!in_.take_symbol("-")) return postfixed();
    Parsed operand = in_.nested([this] { return unary(); });
    if (!operand) return operand;
    return make(Op::negate, place, std::move(*operand));
  }

  Parsed postfixed() {
    Parsed value = primary();
    while (value) {
      const Place place = in_.peek().place;
      if (in_.take_symbol(".")) {
        value = member(std::move(*value), place);
      } else if (in_.take_symbol("[")) {
        value = subscript(std::move(*value), place);
      } else {
        break;
      }
      if (Result<void> more = in_.count_operator(); value && !more) return fail(more.error());
    }
    return value;
  }

  Parsed member(Expression value, Place place) {
    Result<std::string> name = in_.expect_name();
    if (!name) return fail(name.error());
    if (!in_.take_symbol("(")) return make(Op::member, place, std::move(value), *name);
    if (*name != "strip" && *name != "lower" && *name != "upper") {
      return fail_at(place, "no method \"" + *name + "\"", "", "use strip, lower or upper");
    }
    if (Result<void> end = in_.expect_symbol(")"); !end) return fail(end.error());
    return make(Op::filter, place, std::move(value), *name);
  }

  Parsed subscript(Expression value, Place place) {
    Expression out = make(Op::index, place, std::move(value));
    const auto part = [&]() -> Result<void> {
      Parsed bound = in_.is_symbol(":") || in_.is_symbol("]") ? Parsed(Expression{}) : expression();
      if (!bound) return fail(bound.error());
      out.operands.push_back(std::move(*bound));
      return {};
    };
    if (in_.is_symbol("]")) return in_.wanted("an index");
    if (Result<void> first = part(); !first) return fail(first.error());
    if (in_.take_symbol(":")) {
      out.kind = Op::slice;
      if (Result<void> last = part(); !last) return fail(last.error());
    }
    if (Result<void> end = in_.expect_symbol("]"); !end) return fail(end.error());
    return out;
  }

  Parsed primary() {
    const Token token = in_.peek();
    switch (token.kind) {
      case Kind::string:
        in_.take();
        return literal(token, Value(token.text));
      case Kind::integer:
      case Kind::real:
        in_.take();
        return number(token);
      case Kind::name:
        in_.take();
        return named(token);
      default:
        break;
    }
    if (!in_.take_symbol("(")) return in_.wanted("a value");
    Parsed inner = expression();
    if (!inner) return inner;
    if (Result<void> end = in_.expect_symbol(")"); !end) return fail(end.error());
    return inner;
  }

  static Expression literal(const Token& token, Value value) {
    return Expression{Op::literal, token.text, std::move(value), {}, token.place};
  }

  static Parsed number(const Token& token) {
    const char* const first = token.text.data();
    const char* const last = first + token.text.size();
    std::int64_t integer = 0;
    double real = 0;
    const std::errc error = token.kind == Kind::integer ? std::from_chars(first, last, integer).ec
                                                        : std::from_chars(first, last, real).ec;
    if (error != std::errc{}) return fail_at(token.place, "the number is too large");
    return literal(token, token.kind == Kind::integer ? Value(integer) : Value(real));
  }

  Parsed named(const Token& token) {
    const std::string& name = token.text;
    if (name == "true" || name == "True") return literal(token, true);
    if (name == "false" || name == "False") return literal(token, false);
    if (name == "none" || name == "None") return literal(token, nullptr);
    if (!in_.take_symbol("(")) return make(Op::name, token.place, name);
    if (name != "raise_exception") {
      return fail_at(token.place, "no function \"" + name + "\"", "", "use raise_exception only");
    }
    Parsed message = expression();
    if (!message) return message;
    if (Result<void> end = in_.expect_symbol(")"); !end) return fail(end.error());
    return make(Op::raise, token.place, std::move(*message));
  }

  Cursor& in_;
};

}  // namespace

Result<Expression> parse_expression(Cursor& cursor) {
  return ExpressionParser(cursor).expression();
}

}  // namespace pennyweight::template_syntax
