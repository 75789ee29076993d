#include "metrics/base/text_template_evaluator.h"

#include "metrics/base/text_template_builtins.h"
#include "metrics/base/text_template_convert.h"
#include "metrics/base/text_template_operators.h"
#include "metrics/base/text_template_print.h"

namespace pennyweight::templates {
namespace {

using Op = Expression::Kind;

// "message.content", for an error.
std::string described(const Expression& e) {
  switch (e.kind) {
    case Op::name:
    case Op::literal:
      return e.text;
    case Op::member:
      return described(e.operands[0]) + "." + e.text;
    case Op::index:
      return described(e.operands[0]) + "[" + described(e.operands[1]) + "]";
    case Op::filter:
      return described(e.operands[0]) + " | " + e.text;
    default:
      return "...";
  }
}

Item loop_member(const Loop& loop, std::string_view name, const Expression& e) {
  const auto number = [](std::size_t n) { return Item(static_cast<std::int64_t>(n)); };
  const std::size_t n = loop.items.size(), i = loop.index;
  if (name == "index0") return number(i);
  if (name == "index") return number(i + 1);
  if (name == "first") return i == 0;
  if (name == "last") return i + 1 == n;
  if (name == "length") return number(n);
  if (name == "revindex") return number(n - i);
  if (name == "revindex0") return number(n - i - 1);
  if (name == "depth") return std::int64_t{1};  // more only in recursive loops
  if (name == "depth0") return std::int64_t{0};
  if (name == "previtem" && i > 0) return loop.items[i - 1];
  if (name == "nextitem" && i + 1 < n) return loop.items[i + 1];
  return Undefined{&e};
}

}  // namespace

Item Evaluator::needed(const Expression& e) {
  Item item = evaluate(e);
  if (context_.strict() && item.undefined() != nullptr) {
    context_.at = &e;
    const Expression* const wanted = item.undefined()->wanted;
    context_.fail("\"" + described(wanted == nullptr ? e : *wanted) + "\" is not defined");
  }
  return item;
}

Item Evaluator::evaluate(const Expression& e) {
  context_.at = &e;
  if (!context_.charge()) return {};
  if (context_.nesting == kMaxNesting) return context_.fail("nested too deeply");
  ++context_.nesting;
  Item out = dispatch(e);
  --context_.nesting;
  return out;
}

Item Evaluator::dispatch(const Expression& e) {
  switch (e.kind) {
    case Op::literal:
      return item_of(context_, e.value, false);
    case Op::name:
      return name(e);
    case Op::captured:
      return captured;
    case Op::member:
      return member(e);
    case Op::index:
      return index(e);
    case Op::call:
      return call(e);
    case Op::filter:
      return filter(e);
    case Op::test:
      return test(e);
    case Op::conditional:
      return conditional(e);
    case Op::logical_and:
    case Op::logical_or:
      return logical(e);
    case Op::compare:
      return compare(e);
    case Op::list:
    case Op::tuple:
      return sequence(e);
    case Op::map:
      return map(e);
    case Op::join:
      return joined(e);
    case Op::logical_not:
      return !is_true(needed(e.operands[0]));
    default:
      break;
  }
  const Item a = needed(e.operands[0]);
  const Item b = e.operands.size() > 1 ? needed(e.operands[1]) : Item(None());
  const Item c = e.operands.size() > 2 ? needed(e.operands[2]) : Item(None());
  const Item d = e.operands.size() > 3 ? needed(e.operands[3]) : Item(None());
  context_.at = &e;
  if (!context_.ok()) return {};
  if (e.kind == Op::slice) return slice(context_, a, b, c, d);
  if (e.kind == Op::negate) return negated(context_, a);
  if (e.kind == Op::positive) return negated(context_, negated(context_, a));
  for (const Item* operand : {&a, &b}) {
    if (operand->undefined() != nullptr) return undefined_member(*operand);
  }
  return arithmetic(context_, e.kind, a, b);
}

Item Evaluator::name(const Expression& e) {
  for (const Scope* at = scope; at != nullptr; at = at->parent) {
    if (!context_.charge(at->names.size() / 16)) return {};
    if (const Item* const found = at->find(e.text)) return *found;
  }
  if (!context_.charge(given_.names.size() / 16)) return {};
  if (const Item* const found = given_.find(e.text)) return *found;
  Item variable = given_variable(e.text);
  if (variable.undefined() != nullptr) return Undefined{&e};
  given_.set(e.text, variable);
  return variable;
}

// A variable of the caller, else a function. strftime_now is both: a function once there is a date.
Item Evaluator::given_variable(std::string_view name) {
  const Value* const value = variables_.find(name);
  const Builtin* const function = find_builtin(functions(), name);
  const bool is_clock = name == "strftime_now";
  if (function == nullptr || (value != nullptr && !is_clock)) {
    if (value == nullptr) return {};
    const bool followed = !followed_key_.empty() && name == followed_key_;
    return item_of(context_, *value, followed, followed_key_);
  }
  if (is_clock && value == nullptr) return {};
  Callable out{Callable::Kind::function, function->name, {}, nullptr, nullptr};
  if (value != nullptr) out.receiver = item_of(context_, *value, false);
  return context_.callable(std::move(out));
}

Item Evaluator::undefined_member(const Item& parent) {
  const Expression* const wanted = parent.undefined()->wanted;
  return context_.fail("\"" + (wanted == nullptr ? "..." : described(*wanted)) +
                       "\" is not defined");
}

Item Evaluator::member(const Expression& e) {
  const Item from = evaluate(e.operands[0]);
  context_.at = &e;
  if (from.undefined() != nullptr) return context_.strict() ? from : undefined_member(from);
  if (from.loop() != nullptr) return loop_member(*from.loop(), e.text, e);
  const Builtin* const method = method_of(from, e.text);
  const Item* const held = from.map() == nullptr ? nullptr : from.map()->find(e.text);
  if (!context_.charge(from.map() == nullptr ? 0 : from.map()->entries.size() / 16)) return {};
  if (held != nullptr && (context_.strict() || method == nullptr)) return *held;
  if (method == nullptr) return Undefined{&e};
  return context_.callable({Callable::Kind::method, method->name, from, nullptr, nullptr});
}

Item Evaluator::index(const Expression& e) {
  const Item from = evaluate(e.operands[0]);
  if (from.undefined() != nullptr) return context_.strict() ? from : undefined_member(from);
  const Item key = needed(e.operands[1]);
  context_.at = &e;
  if (from.loop() != nullptr && key.text() != nullptr) {
    return loop_member(*from.loop(), key.text()->bytes(), e);
  }
  return context_.ok() ? child(context_, from, key) : Item();
}

Arguments Evaluator::arguments(const Expression& e) {
  Arguments out;
  for (std::size_t i = 1; i < e.operands.size(); ++i) {
    const Expression& operand = e.operands[i];
    if (operand.kind == Op::named) {
      out.named.emplace_back(operand.text, needed(operand.operands[0]));
    } else {
      out.positional.push_back(needed(operand));
    }
  }
  context_.at = &e;
  return out;
}

Item Evaluator::call(const Expression& e) {
  const Expression& callee = e.operands[0];
  if (callee.kind == Op::member) {  // without a bound method in between
    const Item receiver = needed(callee.operands[0]);
    if (!context_.ok()) return {};
    if (const Builtin* const method = method_of(receiver, callee.text)) {
      const Arguments given = arguments(e);
      return context_.ok() ? run_builtin(context_, *method, receiver, given) : Item();
    }
  }
  const Item called = needed(callee);
  const Arguments given = arguments(e);
  if (!context_.ok()) return {};
  if (called.callable() != nullptr) return run(*called.callable(), given);
  return context_.fail("\"" + described(callee) + "\" is not a function");
}

Item Evaluator::run(const Callable& callable, const Arguments& arguments) {
  if (callable.kind == Callable::Kind::macro) return macros_.call_macro(callable, arguments);
  const Builtin* const builtin = callable.kind == Callable::Kind::method
                                     ? method_of(callable.receiver, callable.name)
                                     : find_builtin(functions(), callable.name);
  return run_builtin(context_, *builtin, callable.receiver, arguments);
}

Item Evaluator::filter(const Expression& e) {
  const bool takes_undefined = e.text == "default" || e.text == "d";
  const Item value = takes_undefined ? evaluate(e.operands[0]) : needed(e.operands[0]);
  const Arguments given = arguments(e);
  return context_.ok() ? apply_filter(context_, e.text, value, given) : Item();
}

Item Evaluator::test(const Expression& e) {
  const bool takes_undefined = e.text == "defined" || e.text == "undefined";
  const Item value = takes_undefined ? evaluate(e.operands[0]) : needed(e.operands[0]);
  const Arguments given = arguments(e);
  return context_.ok() && apply_test(context_, e.text, value, given);
}

Item Evaluator::logical(const Expression& e) {
  Item left = needed(e.operands[0]);
  if (!context_.ok() || is_true(left) == (e.kind == Op::logical_or)) return left;
  return needed(e.operands[1]);
}

Item Evaluator::conditional(const Expression& e) {
  if (is_true(needed(e.operands[0]))) return evaluate(e.operands[1]);
  return e.operands.size() > 2 ? evaluate(e.operands[2]) : Item(Undefined{&e});
}

Item Evaluator::compare(const Expression& e) {
  Item left = needed(e.operands[0]);
  for (std::size_t i = 1; i < e.operands.size(); ++i) {
    const Item right = needed(e.operands[i].operands[0]);
    context_.at = &e.operands[i];
    if (!context_.ok() || !holds(e.operands[i].kind, left, right)) return false;
    left = right;
  }
  return true;
}

bool Evaluator::holds(Op kind, const Item& a, const Item& b) {
  switch (kind) {
    case Op::equal:
      return is_equal(context_, a, b);
    case Op::unequal:
      return !is_equal(context_, a, b);
    case Op::less:
      return is_less(context_, a, b);
    case Op::less_equal:
      return !is_less(context_, b, a);
    case Op::greater:
      return is_less(context_, b, a);
    case Op::greater_equal:
      return !is_less(context_, a, b);
    default:
      return contains(context_, b, a) == (kind == Op::contained);
  }
}

Item Evaluator::sequence(const Expression& e) {
  Items out;
  for (const Expression& operand : e.operands) {
    if (context_.ok()) out.push_back(needed(operand));
  }
  return context_.list(std::move(out), e.kind == Op::tuple);
}

Item Evaluator::map(const Expression& e) {
  Map* const out = context_.map();
  for (std::size_t i = 0; i + 1 < e.operands.size() && context_.ok(); i += 2) {
    const Item key = needed(e.operands[i]);
    const Item value = needed(e.operands[i + 1]);
    context_.at = &e.operands[i];
    if (key.text() == nullptr && !is_whole(key)) {
      return context_.fail("the keys of a map are texts or whole numbers");
    }
    if (context_.charge(1 + out->entries.size() / 16)) out->set(key, value);
  }
  return out;
}

Item Evaluator::joined(const Expression& e) {
  const Item left = needed(e.operands[0]);
  const Item right = needed(e.operands[1]);
  context_.at = &e;
  if (!context_.ok()) return {};
  Text out = str(context_, left);
  const Text more = str(context_, right);
  if (!context_.may_build(out.bytes().size() + more.bytes().size())) return {};
  out.append(more);
  return context_.text(std::move(out));
}

}  // namespace pennyweight::templates
