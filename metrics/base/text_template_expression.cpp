#include <algorithm>

#include "metrics/base/text_template_cursor.h"
#include "metrics/base/text_template_names.h"
#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

using Kind = Token::Kind;
using Op = Expression::Kind;
using Parsed = Result<Expression>;

struct Operator {
  std::string_view spelling;
  Op kind;
};
constexpr Operator kOr[] = {{"or", Op::logical_or}};
constexpr Operator kAnd[] = {{"and", Op::logical_and}};
constexpr Operator kComparisons[] = {{"==", Op::equal},      {"!=", Op::unequal},
                                     {"<=", Op::less_equal}, {">=", Op::greater_equal},
                                     {"<", Op::less},        {">", Op::greater}};
constexpr Operator kSums[] = {{"+", Op::add}, {"-", Op::subtract}};
constexpr Operator kJoins[] = {{"~", Op::join}};
constexpr Operator kProducts[] = {
    {"*", Op::multiply}, {"//", Op::floor_divide}, {"/", Op::divide}, {"%", Op::modulo}};
constexpr Operator kPowers[] = {{"**", Op::power}};

Expression make(Op kind, Place place, std::string text = {}) {
  return Expression{kind, std::move(text), {}, {}, place};
}
Expression make(Op kind, Place place, Expression operand, std::string text = {}) {
  Expression out = make(kind, place, std::move(text));
  out.operands.push_back(std::move(operand));
  return out;
}

// One method a level of precedence, loosest first, as in Jinja.
class ExpressionParser {
 public:
  explicit ExpressionParser(Cursor& in) : in_(in) {}

  Parsed expression() {
    return in_.nested([this] { return conditional(); });
  }
  Parsed unconditional() {
    return in_.nested([this] { return logical_or(); });
  }

  Parsed expressions() {
    const Place place = in_.peek().place;
    Parsed first = expression();
    if (!first || !in_.is_symbol(",")) return first;
    Expression out = make(Op::tuple, place, std::move(*first));
    while (in_.take_symbol(",")) {
      if (!begins_value()) break;
      Parsed next = expression();
      if (!next) return next;
      out.operands.push_back(std::move(*next));
    }
    return out;
  }

  Parsed filters(bool bar_first) {
    Parsed value = make(Op::captured, in_.peek().place);
    if (!bar_first) value = filter(std::move(*value), in_.peek().place);
    while (value) {
      const Place place = in_.peek().place;
      if (!in_.take_symbol("|")) break;
      value = filter(std::move(*value), place);
      if (Result<void> more = in_.count_operator(); value && !more) return fail(more.error());
    }
    return value;
  }

 private:
  // Left-associative operators of one precedence.
  template <std::size_t n>
  Parsed chain(Parsed (ExpressionParser::*operand)(), const Operator (&operators)[n]) {
    Parsed left = (this->*operand)();
    while (left) {
      const Place place = in_.peek().place;
      const auto* const found = std::find_if(operators, operators + n, [this](const Operator& o) {
        return in_.take_symbol(o.spelling) || in_.take_word(o.spelling);
      });
      if (found == operators + n) break;
      Parsed right = (this->*operand)();
      if (Result<void> more = in_.count_operator(); right && !more) return fail(more.error());
      if (!right) return right;
      left = make(found->kind, place, std::move(*left));
      left->operands.push_back(std::move(*right));
    }
    return left;
  }
  Parsed conditional() {
    Parsed value = logical_or();
    while (value) {
      const Place place = in_.peek().place;
      if (!in_.take_word("if")) break;
      Parsed condition = logical_or();
      if (Result<void> more = in_.count_operator(); condition && !more) return fail(more.error());
      if (!condition) return condition;
      Expression out = make(Op::conditional, place, std::move(*condition));
      out.operands.push_back(std::move(*value));
      if (in_.take_word("else")) {
        Parsed other = in_.nested([this] { return conditional(); });
        if (!other) return other;
        out.operands.push_back(std::move(*other));
      }
      value = std::move(out);
    }
    return value;
  }
  Parsed logical_or() { return chain(&ExpressionParser::logical_and, kOr); }
  Parsed logical_and() { return chain(&ExpressionParser::logical_not, kAnd); }
  Parsed logical_not() {
    const Place place = in_.peek().place;
    if (in_.is_word("not") && !in_.is_word("in", 1)) {
      in_.take();
      Parsed operand = in_.nested([this] { return logical_not(); });
      if (!operand) return operand;
      return make(Op::logical_not, place, std::move(*operand));
    }
    return comparison();
  }

  const Op* take_comparison() {
    static constexpr Op kContained = Op::contained, kAbsent = Op::absent;
    for (const Operator& o : kComparisons) {
      if (in_.take_symbol(o.spelling)) return &o.kind;
    }
    if (in_.take_word("in")) return &kContained;
    if (!in_.is_word("not") || !in_.is_word("in", 1)) return nullptr;
    in_.take();
    in_.take();
    return &kAbsent;
  }
  Parsed comparison() {
    Parsed first = sum();
    if (!first) return first;
    Expression out = make(Op::compare, in_.peek().place, std::move(*first));
    for (;;) {
      const Place place = in_.peek().place;
      const Op* const kind = take_comparison();
      if (kind == nullptr) break;
      Parsed right = sum();
      if (Result<void> more = in_.count_operator(); right && !more) return fail(more.error());
      if (!right) return right;
      out.operands.push_back(make(*kind, place, std::move(*right)));
    }
    if (out.operands.size() > 1) return out;
    Expression alone = std::move(out.operands[0]);
    return alone;
  }
  Parsed sum() { return chain(&ExpressionParser::joined, kSums); }
  Parsed joined() { return chain(&ExpressionParser::product, kJoins); }
  Parsed product() { return chain(&ExpressionParser::raised, kProducts); }
  Parsed raised() { return chain(&ExpressionParser::filtered, kPowers); }

  Parsed filtered() {
    Parsed value = signed_value();
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

  // Of names of a closed set: an unknown one is an error at once where oversights are.
  Result<void> check_name(std::string_view what, const std::string& name,
                          const std::vector<std::string>& known, Place place) const {
    if (in_.use == TemplateUse::chat_template) return {};
    if (std::find(known.begin(), known.end(), name) != known.end()) return {};
    const std::string_view near = nearest(name, known);
    return fail_at(place, "no " + std::string(what) + " \"" + name + "\"", "",
                   near.empty() ? "" : "did you mean \"" + std::string(near) + "\"?");
  }

  Parsed filter(Expression value, Place place) {
    Result<std::string> name = in_.expect_name();
    if (!name) return fail(name.error());
    if (auto known = check_name("filter", *name, filter_names(), place); !known) {
      return fail(known.error());
    }
    Expression out = make(Op::filter, place, std::move(value), *name);
    if (!in_.take_symbol("(")) return out;
    if (Result<void> rest = arguments(out); !rest) return fail(rest.error());
    return out;
  }

  Parsed test(Expression value, Place place) {
    const bool inverted = in_.take_word("not");
    Result<std::string> name = in_.expect_name();
    if (!name) return fail(name.error());
    if (auto known = check_name("test", *name, test_names(), place); !known) {
      return fail(known.error());
    }
    Expression out = make(Op::test, place, std::move(value), *name);
    if (in_.take_symbol("(")) {
      if (Result<void> rest = arguments(out); !rest) return fail(rest.error());
    } else if (begins_value()) {
      Parsed argument = postfixed();
      if (!argument) return argument;
      out.operands.push_back(std::move(*argument));
    }
    return inverted ? make(Op::logical_not, place, std::move(out)) : std::move(out);
  }

  bool begins_value() const {
    const Kind kind = in_.peek().kind;
    for (const char* word : {"else", "or", "and", "if", "is", "in", "not", "recursive"}) {
      if (in_.is_word(word)) return false;
    }
    if (in_.is_symbol("(") || in_.is_symbol("[") || in_.is_symbol("{")) return true;
    return kind == Kind::name || kind == Kind::string || kind == Kind::integer ||
           kind == Kind::real;
  }

  Parsed signed_value() {
    const Place place = in_.peek().place;
    const bool negative = in_.take_symbol("-");
    if (!negative && !in_.take_symbol("+")) return postfixed();
    Parsed operand = in_.nested([this] { return signed_value(); });
    if (!operand) return operand;
    return make(negative ? Op::negate : Op::positive, place, std::move(*operand));
  }

  Parsed postfixed() {
    Parsed value = primary();
    while (value) {
      const Place place = in_.peek().place;
      if (in_.take_symbol(".")) {
        value = member(std::move(*value), place);
      } else if (in_.take_symbol("[")) {
        value = subscript(std::move(*value), place);
      } else if (in_.take_symbol("(")) {
        value = call(std::move(*value), place);
      } else {
        break;
      }
      if (Result<void> more = in_.count_operator(); value && !more) return fail(more.error());
    }
    return value;
  }

  Parsed member(Expression value, Place place) {
    if (in_.peek().kind == Kind::integer) {
      Parsed index = number(in_.take());
      if (!index) return index;
      Expression out = make(Op::index, place, std::move(value));
      out.operands.push_back(std::move(*index));
      return out;
    }
    Result<std::string> name = in_.expect_name();
    if (!name) return fail(name.error());
    if (in_.is_symbol("(")) {
      if (auto known = check_name("method", *name, method_names(), place); !known) {
        return fail(known.error());
      }
    }
    return make(Op::member, place, std::move(value), *name);
  }

  Parsed call(Expression callee, Place place) {
    if (callee.kind == Op::name) in_.called.push_back({Kind::name, callee.text, place});
    Expression out = make(Op::call, place, std::move(callee));
    if (Result<void> rest = arguments(out); !rest) return fail(rest.error());
    return out;
  }

  // Up to the closing parenthesis.
  Result<void> arguments(Expression& out) {
    bool named = false;
    return in_.separated(")", [&]() -> Result<void> {
      const Token name = in_.peek();
      const bool has_name = name.kind == Kind::name && in_.is_symbol("=", 1);
      if (named && !has_name) return in_.wanted("an argument with a name");
      if (has_name) {
        in_.take();
        in_.take();
        named = true;
      }
      Parsed argument = expression();
      if (!argument) return fail(argument.error());
      out.operands.push_back(has_name ? make(Op::named, name.place, std::move(*argument), name.text)
                                      : std::move(*argument));
      return {};
    });
  }

  Parsed subscript(Expression value, Place place) {
    Expression out = make(Op::index, place, std::move(value));
    if (in_.is_symbol("]")) return in_.wanted("an index");
    for (;;) {
      Parsed bound = in_.is_symbol(":") || in_.is_symbol("]") ? Parsed(Expression{}) : expression();
      if (!bound) return bound;
      out.operands.push_back(std::move(*bound));
      if (out.operands.size() == 4 || !in_.take_symbol(":")) break;
      out.kind = Op::slice;
    }
    if (out.kind == Op::slice) out.operands.resize(4);
    if (Result<void> end = in_.expect_symbol("]"); !end) return fail(end.error());
    return out;
  }

  Parsed primary() {
    const Token token = in_.peek();
    switch (token.kind) {
      case Kind::string: {
        std::string text;  // 'a' 'b' is 'ab'
        while (in_.peek().kind == Kind::string) text += in_.take().text;
        return literal(token, Value(text));
      }
      case Kind::integer:
      case Kind::real:
        return number(in_.take());
      case Kind::name:
        return named(in_.take());
      default:
        break;
    }
    if (in_.take_symbol("(")) return parenthesised(token.place);
    if (in_.take_symbol("[")) return list(token.place);
    if (in_.take_symbol("{")) return map(token.place);
    return in_.wanted("a value");
  }

  Parsed parenthesised(Place place) {
    Parsed inner = in_.is_symbol(")") ? Parsed(make(Op::tuple, place)) : expressions();
    if (!inner) return inner;
    if (Result<void> end = in_.expect_symbol(")"); !end) return fail(end.error());
    return inner;
  }
  Result<void> operand_of(Expression& out) {
    Parsed item = expression();
    if (!item) return fail(item.error());
    out.operands.push_back(std::move(*item));
    return {};
  }
  Parsed list(Place place) {
    Expression out = make(Op::list, place);
    Result<void> rest = in_.separated("]", [&] { return operand_of(out); });
    if (!rest) return fail(rest.error());
    return out;
  }
  Parsed map(Place place) {
    Expression out = make(Op::map, place);
    Result<void> rest = in_.separated("}", [&] {
      Result<void> entry = operand_of(out);
      if (entry) entry = in_.expect_symbol(":");
      return entry ? operand_of(out) : entry;
    });
    if (!rest) return fail(rest.error());
    return out;
  }

  static Expression literal(const Token& token, Value value) {
    return Expression{Op::literal, token.text, std::move(value), {}, token.place};
  }
  static Parsed number(const Token& token) {
    Result<Value> value = number_of(token);
    if (!value) return fail(value.error());
    return literal(token, std::move(*value));
  }
  static Parsed named(const Token& token) {
    const std::string& name = token.text;
    if (name == "true" || name == "True") return literal(token, true);
    if (name == "false" || name == "False") return literal(token, false);
    if (name == "none" || name == "None") return literal(token, nullptr);
    return make(Op::name, token.place, name);
  }

  Cursor& in_;
};

}  // namespace

Result<Expression> parse_expression(Cursor& cursor) {
  return ExpressionParser(cursor).expression();
}
Result<Expression> parse_unconditional(Cursor& cursor) {
  return ExpressionParser(cursor).unconditional();
}
Result<Expression> parse_expressions(Cursor& cursor) {
  return ExpressionParser(cursor).expressions();
}
Result<Expression> parse_filters(Cursor& cursor, bool bar_first) {
  return ExpressionParser(cursor).filters(bar_first);
}

}  // namespace pennyweight::templates
