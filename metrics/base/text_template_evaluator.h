// The value of an expression. Failures are the context's.
#pragma once

#include <string>
#include <string_view>

#include "metrics/base/text_template_context.h"

namespace pennyweight::templates {

// What a call of a macro needs of the renderer.
class MacroCaller {
 public:
  virtual Item call_macro(const Callable& macro, const Arguments& arguments) = 0;

 protected:
  ~MacroCaller() = default;
};

class Evaluator {
 public:
  // Texts under `followed_key` in a map of the variables are followed.
  Evaluator(Context& context, const Value& variables, std::string_view followed_key,
            MacroCaller& macros)
      : context_(context), variables_(variables), followed_key_(followed_key), macros_(macros) {}

  // May be undefined.
  Item evaluate(const Expression& e);
  // The same, but undefined fails where oversights are errors.
  Item needed(const Expression& e);
  Arguments arguments(const Expression& e);  // of a call, filter or test

  Scope* scope = nullptr;  // the innermost
  Item captured;           // for Expression::Kind::captured

 private:
  Item name(const Expression& e);
  Item given_variable(std::string_view name);
  Item member(const Expression& e);
  Item index(const Expression& e);
  Item call(const Expression& e);
  Item run(const Callable& callable, const Arguments& arguments);
  Item filter(const Expression& e);
  Item test(const Expression& e);
  Item logical(const Expression& e);
  Item conditional(const Expression& e);
  Item compare(const Expression& e);
  bool holds(Expression::Kind kind, const Item& a, const Item& b);
  Item sequence(const Expression& e);
  Item map(const Expression& e);
  Item joined(const Expression& e);
  Item dispatch(const Expression& e);
  Item undefined_member(const Item& parent);

  Context& context_;
  const Value& variables_;
  std::string_view followed_key_;
  MacroCaller& macros_;
  Scope given_;  // variables that have been asked for
};

}  // namespace pennyweight::templates
