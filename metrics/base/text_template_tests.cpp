#include "metrics/base/text_template_builtins.h"
#include "metrics/base/text_template_operators.h"
#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

// One value looked at by itself.
template <bool (*holds)(const Item&)>
Item kind(Context&, const Item& value, const Arguments&) {
  return holds(value);
}
bool defined(const Item& v) {
  return v.undefined() == nullptr;
}
bool undefined(const Item& v) {
  return v.undefined() != nullptr;
}
bool none(const Item& v) {
  return v.is_none();
}
bool string(const Item& v) {
  return v.text() != nullptr;
}
bool number(const Item& v) {
  return v.is_number();
}
bool integer(const Item& v) {
  return v.integer() != nullptr;
}
bool real(const Item& v) {
  return v.real() != nullptr;
}
bool boolean(const Item& v) {
  return v.boolean() != nullptr;
}
bool yes(const Item& v) {
  return v.boolean() != nullptr && *v.boolean();
}
bool no(const Item& v) {
  return v.boolean() != nullptr && !*v.boolean();
}
bool mapping(const Item& v) {
  return v.map() != nullptr && !v.map()->is_namespace;
}
bool sequence(const Item& v) {
  return v.text() != nullptr || v.list() != nullptr || mapping(v) || undefined(v);
}
bool iterable(const Item& v) {
  return sequence(v) || v.loop() != nullptr;
}
bool callable(const Item& v) {
  return v.callable() != nullptr;
}
bool is_lower(const Item& v) {
  return v.text() != nullptr && lower(v.text()->bytes()) == v.text()->bytes() &&
         upper(v.text()->bytes()) != v.text()->bytes();
}
bool is_upper(const Item& v) {
  return v.text() != nullptr && upper(v.text()->bytes()) == v.text()->bytes() &&
         lower(v.text()->bytes()) != v.text()->bytes();
}

Item other(const Arguments& arguments) {
  return given(arguments, 0, "other");
}
Item remainder_is(Context& context, const Item& value, const Item& by, bool zero) {
  const Item rest = arithmetic(context, Expression::Kind::modulo, value, by);
  return rest.is_number() && (as_double(rest) == 0) == zero;
}
Item odd(Context& context, const Item& value, const Arguments&) {
  return remainder_is(context, value, std::int64_t{2}, false);
}
Item even(Context& context, const Item& value, const Arguments&) {
  return remainder_is(context, value, std::int64_t{2}, true);
}
Item divisible(Context& context, const Item& value, const Arguments& arguments) {
  return remainder_is(context, value, other(arguments), true);
}

Item equal(Context& context, const Item& value, const Arguments& arguments) {
  return is_equal(context, value, other(arguments));
}
Item unequal(Context& context, const Item& value, const Arguments& arguments) {
  return !is_equal(context, value, other(arguments));
}
Item less(Context& context, const Item& value, const Arguments& arguments) {
  return is_less(context, value, other(arguments));
}
Item at_least(Context& context, const Item& value, const Arguments& arguments) {
  return !is_less(context, value, other(arguments));
}
Item greater(Context& context, const Item& value, const Arguments& arguments) {
  return is_less(context, other(arguments), value);
}
Item at_most(Context& context, const Item& value, const Arguments& arguments) {
  return !is_less(context, other(arguments), value);
}
Item in(Context& context, const Item& value, const Arguments& arguments) {
  return contains(context, other(arguments), value);
}
// Identity is that of Python for what may be compared so: none, booleans and containers.
Item same(Context& context, const Item& value, const Arguments& arguments) {
  const Item with = other(arguments);
  if (value.list() != nullptr || with.list() != nullptr) return value.list() == with.list();
  if (value.map() != nullptr || with.map() != nullptr) return value.map() == with.map();
  const bool one_boolean = (value.boolean() != nullptr) != (with.boolean() != nullptr);
  return !one_boolean && is_equal(context, value, with);
}

constexpr Builtin kTests[] = {
    {"defined", "", 0, kind<defined>},
    {"undefined", "", 0, kind<undefined>},
    {"none", "", 0, kind<none>},
    {"string", "", 0, kind<string>},
    {"number", "", 0, kind<number>},
    {"integer", "", 0, kind<integer>},
    {"float", "", 0, kind<real>},
    {"boolean", "", 0, kind<boolean>},
    {"true", "", 0, kind<yes>},
    {"false", "", 0, kind<no>},
    {"mapping", "", 0, kind<mapping>},
    {"sequence", "", 0, kind<sequence>},
    {"iterable", "", 0, kind<iterable>},
    {"callable", "", 0, kind<callable>},
    {"lower", "", 0, kind<is_lower>},
    {"upper", "", 0, kind<is_upper>},
    {"odd", "", 0, odd},
    {"even", "", 0, even},
    {"divisibleby", "other", 1, divisible},
    {"in", "other", 1, in},
    {"sameas", "other", 1, same},
    {"eq", "other", 1, equal},
    {"equalto", "other", 1, equal},
    {"==", "other", 1, equal},
    {"ne", "other", 1, unequal},
    {"!=", "other", 1, unequal},
    {"lt", "other", 1, less},
    {"lessthan", "other", 1, less},
    {"<", "other", 1, less},
    {"le", "other", 1, at_most},
    {"<=", "other", 1, at_most},
    {"gt", "other", 1, greater},
    {"greaterthan", "other", 1, greater},
    {">", "other", 1, greater},
    {"ge", "other", 1, at_least},
    {">=", "other", 1, at_least},
};

}  // namespace

std::span<const Builtin> tests() {
  return kTests;
}

}  // namespace pennyweight::templates
