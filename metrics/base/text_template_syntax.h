// The parsed form of a template, between its parser and its renderer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"
#include "metrics/base/text_template.h"

namespace pennyweight::template_syntax {

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
Result<std::vector<Token>> tokenize(std::string_view source, Blanks blanks);

struct Expression {
  enum class Kind : std::uint8_t {
    literal,
    name,    // text
    member,  // operands[0].text
    index,   // operands[0][operands[1]]
    slice,   // operands[0][operands[1]:operands[2]], none where left out
    filter,  // operands[0] | text(operands[1]...)
    test,    // operands[0] is text
    raise,   // raise_exception(operands[0])
    negate,  // -
    logical_not,
    logical_and,
    logical_or,
    equal,
    contains,  // operands[0] in operands[1]
    add,
    join,  // ~
    modulo,
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
    loop,       // for text in expression: body
    condition,  // if expression: body, else: otherwise
    assign,     // set text = expression
  };
  Kind kind = Kind::text;
  std::string text;
  Expression expression;
  std::vector<Statement> body, otherwise;
};

Result<std::vector<Statement>> parse(std::string_view source, Blanks blanks);
Result<std::string> render(const std::vector<Statement>& statements, const Value& variables);

}  // namespace pennyweight::template_syntax
