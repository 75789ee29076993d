#include <algorithm>
#include <deque>

#include "metrics/base/text_template_filters.h"
#include "metrics/base/text_template_syntax.h"

namespace pennyweight::template_syntax {
namespace {

using Op = Expression::Kind;

constexpr std::size_t kMaxSteps = 1'000'000;
constexpr std::size_t kMaxText = std::size_t{16} << 20;

// The value of an expression: borrowed where it can be, or undefined with the name that was asked.
struct Operand {
  const Value* borrowed = nullptr;
  Value own;
  std::string undefined;
  const Value& get() const { return borrowed != nullptr ? *borrowed : own; }
};
using Evaluated = Result<Operand>;

Operand owned(Value value) {
  return {nullptr, std::move(value), {}};
}
Operand undefined(std::string name) {
  return {nullptr, {}, std::move(name)};
}

bool is_true(const Value& v) {
  if (v.boolean() != nullptr) return *v.boolean();
  if (v.integer() != nullptr) return *v.integer() != 0;
  if (v.real() != nullptr) return *v.real() != 0;
  if (v.text() != nullptr) return !v.text()->empty();
  if (v.list() != nullptr) return !v.list()->empty();
  return v.map() != nullptr && !v.map()->empty();
}

bool is_number(const Value& v) {
  return v.integer() != nullptr || v.real() != nullptr;
}
double as_double(const Value& v) {
  return v.real() != nullptr ? *v.real() : static_cast<double>(*v.integer());
}

bool is_equal(const Value& a, const Value& b) {
  if (a.real() != nullptr && b.integer() != nullptr) return *a.real() == as_double(b);
  if (a.integer() != nullptr && b.real() != nullptr) return as_double(a) == *b.real();
  return a == b;
}

// A rough size in bytes, so that copying a large value costs steps.
std::size_t weight(const Value& v) {
  std::size_t sum = 16;
  if (v.text() != nullptr) sum += v.text()->size();
  if (v.list() != nullptr) {
    for (const Value& item : *v.list()) sum += weight(item);
  }
  if (v.map() != nullptr) {
    for (const auto& [key, value] : *v.map()) sum += key.size() + weight(value);
  }
  return sum;
}

class Renderer {
 public:
  explicit Renderer(const Value& variables) : variables_(variables) {}

  Result<std::string> run(const std::vector<Statement>& statements) {
    if (Result<void> done = render(statements); !done) return fail(done.error());
    return std::move(out_);
  }

 private:
  struct Binding {
    std::string name;
    Operand operand;
  };

  Result<void> charge(Place place, std::size_t steps = 1) {
    steps_ += steps;
    if (steps_ > kMaxSteps) return fail_at(place, "the template takes too many steps");
    return {};
  }
  Result<void> charge_copy(Place place, const Value& value) {
    return charge(place, weight(value) / 256);
  }

  Result<void> render(const std::vector<Statement>& statements) {
    for (const Statement& statement : statements) {
      if (Result<void> done = render(statement); !done) return done;
    }
    return {};
  }

  Result<void> render(const Statement& statement) {
    switch (statement.kind) {
      case Statement::Kind::text:
        return append({}, statement.text);
      case Statement::Kind::output: {
        const Evaluated value = defined(statement.expression);
        if (!value) return fail(value.error());
        Result<std::string> text = text_of(value->get(), statement.expression.place);
        if (!text) return fail(text.error());
        return append(statement.expression.place, *text);
      }
      case Statement::Kind::loop:
        return loop(statement);
      case Statement::Kind::condition: {
        const Evaluated value = defined(statement.expression);
        if (!value) return fail(value.error());
        return render(is_true(value->get()) ? statement.body : statement.otherwise);
      }
      case Statement::Kind::assign:
        return assign(statement);
    }
    return {};
  }

  Result<void> append(Place place, const std::string& text) {
    out_ += text;
    if (out_.size() > kMaxText) return fail_at(place, "the text is longer than 16 MiB");
    return charge(place, 1 + text.size() / 256);
  }

  Result<void> assign(const Statement& statement) {
    Evaluated value = defined(statement.expression);
    if (!value) return fail(value.error());
    const Place place = statement.expression.place;
    if (Result<void> paid = charge_copy(place, value->get()); !paid) return paid;
    Operand copy = owned(value->get());
    for (std::size_t i = scope_begin_; i < scope_.size(); ++i) {
      if (scope_[i].name == statement.text) {
        scope_[i].operand = std::move(copy);
        return {};
      }
    }
    scope_.push_back({statement.text, std::move(copy)});
    return {};
  }

  Result<void> loop(const Statement& statement) {
    const Evaluated list = defined(statement.expression);
    if (!list) return fail(list.error());
    const Place place = statement.expression.place;
    const Value::List* items = list->get().list();
    if (items == nullptr) return fail_at(place, "only a list can be looped over");
    const std::size_t outer_begin = scope_begin_;
    const std::size_t outer_end = scope_.size();
    Result<void> result;
    for (std::size_t i = 0; result && i < items->size(); ++i) {
      if (result = charge(place); !result) break;
      scope_begin_ = outer_end;
      scope_.push_back({statement.text, {&(*items)[i], {}, {}}});
      scope_.push_back({"loop", owned(loop_variable(i, items->size()))});
      result = render(statement.body);
      scope_.resize(outer_end);
    }
    scope_begin_ = outer_begin;
    return result;
  }

  static Value loop_variable(std::size_t i, std::size_t n) {
    const auto integer = [](std::size_t x) { return Value(static_cast<std::int64_t>(x)); };
    return Value(Value::Map{{"index0", integer(i)},
                            {"index", integer(i + 1)},
                            {"first", i == 0},
                            {"last", i + 1 == n},
                            {"length", integer(n)}});
  }

  // As evaluate(), but an undefined value is an error.
  Evaluated defined(const Expression& e) {
    Evaluated value = evaluate(e);
    if (value && !value->undefined.empty()) {
      return fail_at(e.place, "\"" + value->undefined + "\" is not defined");
    }
    return value;
  }

  Evaluated evaluate(const Expression& e) {
    if (Result<void> paid = charge(e.place); !paid) return fail(paid.error());
    switch (e.kind) {
      case Op::literal:
        return Operand{&e.value, {}, {}};
      case Op::name:
        return name(e.text);
      case Op::member:
      case Op::index:
        return child(e);
      case Op::filter:
        return filter(e);
      case Op::test:
        return test(e);
      case Op::logical_and:
      case Op::logical_or: {
        Evaluated left = defined(e.operands[0]);
        if (!left || is_true(left->get()) == (e.kind == Op::logical_or)) return left;
        return defined(e.operands[1]);
      }
      default:
        return computed(e);
    }
  }

  Operand name(const std::string& text) const {
    for (std::size_t i = scope_.size(); i-- > 0;) {
      if (scope_[i].name == text) return {&scope_[i].operand.get(), {}, {}};
    }
    const Value* value = variables_.find(text);
    return value == nullptr ? undefined(text) : Operand{value, {}, {}};
  }

  Evaluated child(const Expression& e) {
    Evaluated parent = evaluate(e.operands[0]);
    if (!parent || !parent->undefined.empty()) return parent;
    Value key = Value(e.text);
    if (e.kind == Op::index) {
      const Evaluated index = defined(e.operands[1]);
      if (!index) return index;
      key = index->get();
    }
    const Value& from = parent->get();
    const Value* found = nullptr;
    if (key.text() != nullptr && from.map() != nullptr) {
      found = from.find(*key.text());
    } else if (key.integer() != nullptr && from.list() != nullptr) {
      const auto size = static_cast<std::int64_t>(from.list()->size());
      const std::int64_t i = *key.integer() < 0 ? *key.integer() + size : *key.integer();
      if (i >= 0 && i < size) found = &(*from.list())[static_cast<std::size_t>(i)];
    }
    if (found == nullptr) return undefined(described(e));
    if (parent->borrowed != nullptr) return Operand{found, {}, {}};
    if (Result<void> paid = charge_copy(e.place, *found); !paid) return fail(paid.error());
    return owned(*found);
  }

  // "message.content", for an error.
  static std::string described(const Expression& e) {
    if (e.kind == Op::name || e.kind == Op::literal) return e.text;
    if (e.kind == Op::member) return described(e.operands[0]) + "." + e.text;
    if (e.kind == Op::index) {
      return described(e.operands[0]) + "[" + described(e.operands[1]) + "]";
    }
    return "...";
  }

  Evaluated filter(const Expression& e) {
    const bool takes_undefined = e.text == "default";
    Evaluated value = takes_undefined ? evaluate(e.operands[0]) : defined(e.operands[0]);
    if (!value) return value;
    if (takes_undefined) return value->undefined.empty() ? value : defined(e.operands[1]);
    Operand argument;
    if (e.operands.size() > 1) {
      Evaluated given = defined(e.operands[1]);
      if (!given) return given;
      argument = std::move(*given);
    }
    if (Result<void> paid = charge_copy(e.place, value->get()); !paid) return fail(paid.error());
    Result<Value> out = apply_filter(e.text, value->get(), argument.get(), e.place);
    if (!out) return fail(out.error());
    return made(e.place, std::move(*out));
  }

  Evaluated test(const Expression& e) {
    const Evaluated value = e.text == "defined" ? evaluate(e.operands[0]) : defined(e.operands[0]);
    if (!value) return value;
    if (e.text == "defined") return owned(value->undefined.empty());
    if (e.text == "none") return owned(value->get().is_null());
    return owned(value->get().text() != nullptr);
  }

  // Operators that look at all their operands.
  Evaluated computed(const Expression& e) {
    std::vector<Operand> operands;
    for (const Expression& operand : e.operands) {
      Evaluated value = defined(operand);
      if (!value) return value;
      operands.push_back(std::move(*value));
    }
    const Value& a = operands[0].get();
    switch (e.kind) {
      case Op::raise: {
        Result<std::string> text = text_of(a, e.place);
        if (!text) return fail(text.error());
        return fail_at(e.place, "the template refuses", *text);
      }
      case Op::negate:
        if (a.integer() != nullptr && *a.integer() != INT64_MIN) return owned(-*a.integer());
        if (a.real() != nullptr) return owned(-*a.real());
        return fail_at(e.place, "only a number can be negated");
      case Op::logical_not:
        return owned(!is_true(a));
      case Op::equal:
        return owned(is_equal(a, operands[1].get()));
      case Op::contains:
        return contains(a, operands[1].get(), e.place);
      case Op::slice:
        return slice(e, a, operands[1].get(), operands[2].get());
      case Op::modulo:
        return modulo(a, operands[1].get(), e.place);
      case Op::add:
        if (is_number(a) && is_number(operands[1].get())) {
          return sum(a, operands[1].get(), e.place);
        }
        if (a.text() == nullptr || operands[1].get().text() == nullptr) {
          return fail_at(e.place, "\"+\" joins two texts or adds two numbers", "",
                         "\"~\" joins anything as text");
        }
        return concatenated(a, operands[1].get(), e.place);
      default:  // join
        return concatenated(a, operands[1].get(), e.place);
    }
  }

  Evaluated made(Place place, Value value) {
    if (value.text() != nullptr && value.text()->size() > kMaxText) {
      return fail_at(place, "the text is longer than 16 MiB");
    }
    if (Result<void> paid = charge_copy(place, value); !paid) return fail(paid.error());
    return owned(std::move(value));
  }

  Evaluated concatenated(const Value& a, const Value& b, Place place) {
    Result<std::string> left = text_of(a, place);
    if (!left) return fail(left.error());
    const Result<std::string> right = text_of(b, place);
    if (!right) return fail(right.error());
    return made(place, Value(*left + *right));
  }

  static Evaluated sum(const Value& a, const Value& b, Place place) {
    if (a.integer() == nullptr || b.integer() == nullptr) return owned(as_double(a) + as_double(b));
    std::int64_t out = 0;
    if (__builtin_add_overflow(*a.integer(), *b.integer(), &out)) {
      return fail_at(place, "the sum is too large");
    }
    return owned(out);
  }

  static Evaluated modulo(const Value& a, const Value& b, Place place) {
    if (a.integer() == nullptr || b.integer() == nullptr || *b.integer() == 0) {
      return fail_at(place, "\"%\" takes two whole numbers, the second not 0");
    }
    if (*b.integer() == -1) return owned(0);  // INT64_MIN % -1 overflows
    const std::int64_t rest = *a.integer() % *b.integer();
    // As Python: the sign of the divisor.
    return owned(rest != 0 && (rest < 0) != (*b.integer() < 0) ? rest + *b.integer() : rest);
  }

  static Evaluated contains(const Value& needle, const Value& in, Place place) {
    if (in.list() != nullptr) {
      for (const Value& item : *in.list()) {
        if (is_equal(item, needle)) return owned(true);
      }
      return owned(false);
    }
    if (needle.text() != nullptr && in.map() != nullptr) {
      return owned(in.find(*needle.text()) != nullptr);
    }
    if (needle.text() != nullptr && in.text() != nullptr) {
      return owned(in.text()->find(*needle.text()) != std::string::npos);
    }
    return fail_at(place, "\"in\" takes a list, or a text and a text or map");
  }

  Evaluated slice(const Expression& e, const Value& list, const Value& from, const Value& to) {
    if (list.list() == nullptr) return fail_at(e.place, "only a list can be sliced");
    const auto size = static_cast<std::int64_t>(list.list()->size());
    const auto bound = [&](const Value& v, std::int64_t otherwise) {
      if (v.integer() == nullptr) return otherwise;
      return std::clamp<std::int64_t>(*v.integer() < 0 ? *v.integer() + size : *v.integer(), 0,
                                      size);
    };
    if ((!from.is_null() && from.integer() == nullptr) ||
        (!to.is_null() && to.integer() == nullptr)) {
      return fail_at(e.place, "a slice is bounded by whole numbers");
    }
    const std::int64_t begin = bound(from, 0);
    const std::int64_t end = std::max(begin, bound(to, size));
    if (Result<void> paid = charge_copy(e.place, list); !paid) return fail(paid.error());
    return owned(Value(Value::List(list.list()->begin() + begin, list.list()->begin() + end)));
  }

  const Value& variables_;
  std::deque<Binding> scope_;  // a deque: borrowed values stay where they are while it grows
  std::size_t scope_begin_ = 0;
  std::string out_;
  std::size_t steps_ = 0;
};

}  // namespace

Result<std::string> render(const std::vector<Statement>& statements, const Value& variables) {
  return Renderer(variables).run(statements);
}

}  // namespace pennyweight::template_syntax
