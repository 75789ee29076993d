#include <charconv>
#include <cmath>
#include <cstdint>

#include "metrics/base/text_template_builtins.h"
#include "metrics/base/text_template_convert.h"
#include "metrics/base/text_template_operators.h"
#include "metrics/base/utf8.h"

namespace pennyweight::templates {
namespace {

Item or_default(Context&, const Item& value, const Arguments& arguments) {
  const bool replaces =
      value.undefined() != nullptr || (flag(arguments, 1, "boolean") && !is_true(value));
  if (!replaces) return value;
  const Item* const otherwise = arguments.find(0, "default_value");
  return otherwise == nullptr ? Item(Text()) : *otherwise;
}

Item length(Context& context, const Item& value, const Arguments&) {
  std::size_t n = 0;
  if (value.text() != nullptr) {
    n = character_offsets(value.text()->bytes()).size() - 1;
  } else if (value.list() != nullptr) {
    n = value.list()->items.size();
  } else if (value.map() != nullptr && !value.map()->is_namespace) {
    n = value.map()->entries.size();
  } else if (value.undefined() == nullptr) {
    return context.fail("length takes a text, a list or a map");
  }
  return static_cast<std::int64_t>(n);
}

// What int() or float() of Python reads in a text; none when it reads nothing.
template <class Number>
Item number_in(std::string_view text) {
  text = strip(text);
  if (text.starts_with('+') && !text.substr(1).starts_with('-')) text.remove_prefix(1);
  Number out{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), out);
  return status == std::errc{} && end == text.data() + text.size() ? Item(out) : Item(None());
}

Item truncated(Context& context, double real, const Item& otherwise) {
  if (std::isnan(real)) return otherwise;
  if (std::fabs(real) >= 9.2e18) return context.fail("the number is too large");
  return static_cast<std::int64_t>(real);
}

Item to_integer(Context& context, const Item& value, const Arguments& arguments) {
  Item otherwise = given(arguments, 0, "default");
  if (otherwise.is_none()) otherwise = std::int64_t{0};
  if (is_whole(value)) return as_integer(value);
  if (value.real() != nullptr) return truncated(context, *value.real(), otherwise);
  if (value.text() == nullptr) return otherwise;
  const Item integer = number_in<std::int64_t>(value.text()->bytes());
  if (!integer.is_none()) return integer;
  const Item real = number_in<double>(value.text()->bytes());
  return real.is_none() ? otherwise : truncated(context, *real.real(), otherwise);
}

Item to_real(Context&, const Item& value, const Arguments& arguments) {
  Item otherwise = given(arguments, 0, "default");
  if (otherwise.is_none()) otherwise = 0.0;
  if (value.is_number()) return as_double(value);
  if (value.text() == nullptr) return otherwise;
  const Item real = number_in<double>(value.text()->bytes());
  return real.is_none() ? otherwise : real;
}

Item absolute(Context& context, const Item& value, const Arguments&) {
  if (!value.is_number()) return context.fail("abs takes a number");
  return as_double(value) < 0 ? negated(context, value) : value;
}

// Halves to the even neighbour, as Python rounds; of the exact binary value.
double rounded(double real, int digits) {
  if (!std::isfinite(real)) return real;
  char buffer[512];
  const char* const end =
      std::to_chars(buffer, buffer + sizeof buffer, real, std::chars_format::fixed, digits).ptr;
  std::from_chars(buffer, end, real);
  return real;
}

Item round(Context& context, const Item& value, const Arguments& arguments) {
  if (!value.is_number()) return context.fail("round takes a number");
  const std::int64_t digits = whole(context, arguments, 0, "precision", 0);
  const Item method = given(arguments, 1, "method");
  if (digits < 0 || digits > 100) return context.fail("round takes 0 to 100 digits");
  if (method.is_none() || method.is_text("common")) {
    return is_whole(value) ? value : Item(rounded(*value.real(), static_cast<int>(digits)));
  }
  const double scale = std::pow(10.0, static_cast<double>(digits));
  const double scaled = as_double(value) * scale;
  return (method.is_text("ceil") ? std::ceil(scaled) : std::floor(scaled)) / scale;
}

Item from_json(Context& context, const Item& value, const Arguments&) {
  if (value.text() == nullptr) return context.fail("from_json takes a text");
  const auto parsed = parse_json(value.text()->bytes());
  if (!parsed) return context.fail("from_json: " + parsed.error().what, parsed.error().why);
  return item_of(context, *parsed, value.text()->any_followed());
}

constexpr Builtin kValueFilters[] = {
    {"default", "default_value boolean", 0, or_default},
    {"d", "default_value boolean", 0, or_default},
    {"length", "", 0, length},
    {"count", "", 0, length},
    {"int", "default", 0, to_integer},
    {"float", "default", 0, to_real},
    {"abs", "", 0, absolute},
    {"round", "precision method", 0, round},
    {"from_json", "", 0, from_json},
};

}  // namespace

std::span<const Builtin> value_filters() {
  return kValueFilters;
}

}  // namespace pennyweight::templates
