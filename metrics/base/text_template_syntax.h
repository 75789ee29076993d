// The parsed form of a template, between its parser and its renderer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"
#include "metrics/base/text_template.h"

namespace pennyweight::templates {

// 1-based; columns count characters.
struct Place {
  int line = 1, column = 1;
};
Place place_of(std::string_view source, std::size_t offset);
// "template line 2, column 5: <problem>"
tl::unexpected<Error> fail_at(Place place, std::string_view problem, std::string why = {},
                              std::string fix = {});

struct Token {
  enum class Kind : std::uint8_t {
    text,          // between tags, blanks already trimmed
    open_output,   // {{
    close_output,  // }}
    open_tag,      // {%
    close_tag,     // %}
    name,
    string,
    integer,
    real,
    symbol,
    end,
  };
  Kind kind = Kind::end;
  std::string text;  // unescaped for a string
  Place place;
};
Result<std::vector<Token>> tokenize(std::string_view source, TemplateUse use);
Result<Value> number_of(const Token& token);  // of an integer or a real

struct Expression {
  enum class Kind : std::uint8_t {
    literal,
    name,         // text
    member,       // operands[0].text
    index,        // operands[0][operands[1]]
    slice,        // operands[0][operands[1]:operands[2]:operands[3]], none where left out
    call,         // operands[0](operands[1]...)
    filter,       // operands[0] | text(operands[1]...)
    test,         // operands[0] is text(operands[1]...)
    named,        // an argument: text=operands[0]
    captured,     // what a block rendered to, for the filters on it
    conditional,  // operands[1] if operands[0] else operands[2], which may be left out
    list,
    tuple,  // also targets of an assignment, and parameters: names with a default, if any
    map,    // key, value, key, value
    negate,
    positive,
    logical_not,
    logical_and,
    logical_or,
    compare,  // operands[0], then comparisons with one operand: a < b < c
    equal,
    unequal,
    less,
    less_equal,
    greater,
    greater_equal,
    contained,  // in
    absent,     // not in
    add,
    subtract,
    join,  // ~
    multiply,
    divide,
    floor_divide,
    modulo,
    power,
  };
  Kind kind = Kind::literal;
  std::string text;
  Value value;
  std::vector<Expression> operands;
  Place place;
};

struct Statement {
  enum class Kind : std::uint8_t {
    text,       // text
    output,     // expression
    loop,       // for target in expression if only_if: body, else: otherwise
    condition,  // if expression: body, else: otherwise
    assign,     // set target = expression
    capture,    // set target: body, through the filters of expression
    filter,     // body, through the filters of expression
    macro,      // text(target): body
    call,       // expression, a call, whose caller(target) is body
    scope,      // body; what it sets ends with it
    leave,      // break
    next,       // continue
  };
  Kind kind = Kind::text;
  std::string text;
  Expression target, expression;
  std::optional<Expression> only_if;
  std::vector<Statement> body, otherwise;
};

Result<std::vector<Statement>> parse(std::string_view source, TemplateUse use);

}  // namespace pennyweight::templates
