// The filters, tests, methods and functions of the language. Failures are the context's.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "metrics/base/text_template_context.h"

namespace pennyweight::templates {

struct Builtin {
  std::string_view name;
  std::string_view parameters;  // names with blanks between; "*" for any
  std::size_t least;            // arguments
  // A filter's value, a method's receiver; undefined for a function.
  Item (*run)(Context& context, const Item& value, const Arguments& arguments);
};

// Null when there is none. A wrong number or name of arguments fails.
const Builtin* find_builtin(std::span<const Builtin> all, std::string_view name);
Item run_builtin(Context& context, const Builtin& builtin, const Item& value,
                 const Arguments& arguments);

std::span<const Builtin> text_filters();
std::span<const Builtin> list_filters();
std::span<const Builtin> value_filters();  // of numbers and of anything
std::span<const Builtin> tests();
std::span<const Builtin> text_methods();
std::span<const Builtin> search_methods();  // of texts too
std::span<const Builtin> list_methods();
std::span<const Builtin> map_methods();
std::span<const Builtin> loop_methods();
std::span<const Builtin> functions();

Item apply_filter(Context& context, std::string_view name, const Item& value,
                  const Arguments& arguments);
bool apply_test(Context& context, std::string_view name, const Item& value,
                const Arguments& arguments);
// Null when values of this kind have no such method.
const Builtin* method_of(const Item& value, std::string_view name);

// Arguments by position or name.
Item given(const Arguments& arguments, std::size_t position, std::string_view name);
bool flag(const Arguments& arguments, std::size_t position, std::string_view name,
          bool otherwise = false);
std::int64_t whole(Context& context, const Arguments& arguments, std::size_t position,
                   std::string_view name, std::int64_t otherwise);
// Null when it is not given or none; a value that is not a text fails.
const std::string* spelled(Context& context, const Arguments& arguments, std::size_t position,
                           std::string_view name);

}  // namespace pennyweight::templates
