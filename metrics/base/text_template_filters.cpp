#include "metrics/base/text_template_filters.h"

#include <algorithm>

#include "metrics/base/utf8.h"

namespace pennyweight::template_syntax {
namespace {

Result<Value> join(const Value& value, const Value& separator, Place place) {
  if (value.list() == nullptr) return fail_at(place, "join takes a list");
  if (!separator.is_null() && separator.text() == nullptr) {
    return fail_at(place, "join takes a text to put between");
  }
  std::string out;
  bool first = true;
  for (const Value& item : *value.list()) {
    Result<std::string> text = text_of(item, place);
    if (!text) return fail(text.error());
    if (!first && separator.text() != nullptr) out += *separator.text();
    out += *text;
    first = false;
  }
  return Value(std::move(out));
}

Result<Value> letter(const Value& value, Place place) {
  if (value.integer() == nullptr || *value.integer() < 0 || *value.integer() > 25) {
    return fail_at(place, "letter takes a number from 0 to 25");
  }
  return Value(std::string(1, static_cast<char>('A' + *value.integer())));
}

Result<Value> length(const Value& value, Place place) {
  std::size_t n = 0;
  if (value.text() != nullptr) {
    n = code_point_count(*value.text());
  } else if (value.list() != nullptr) {
    n = value.list()->size();
  } else if (value.map() != nullptr) {
    n = value.map()->size();
  } else {
    return fail_at(place, "length takes a text, a list or a map");
  }
  return Value(static_cast<std::int64_t>(n));
}

// A newline at the end does not begin another line, as in Python's splitlines().
Value lines(std::string_view text) {
  Value::List out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return Value(std::move(out));
}

}  // namespace

Result<std::string> text_of(const Value& value, Place place) {
  if (value.text() != nullptr) return *value.text();
  if (value.boolean() != nullptr) return std::string(*value.boolean() ? "True" : "False");
  if (value.is_null()) return std::string("None");
  if (value.list() != nullptr || value.map() != nullptr) {
    return fail_at(place, "a list or map cannot be printed as text", "",
                   "use the filter json or join");
  }
  return to_json(value);
}

Result<Value> apply_filter(std::string_view name, const Value& value, const Value& argument,
                           Place place) {
  if (name == "json" || name == "tojson") return Value(to_json(value));
  if (name == "join") return join(value, argument, place);
  if (name == "letter") return letter(value, place);
  if (name == "length") return length(value, place);
  if (value.text() == nullptr) return fail_at(place, std::string(name) + " takes a text");
  if (name == "lower") return Value(lower(*value.text()));
  if (name == "upper") return Value(upper(*value.text()));
  if (name == "lines") return lines(*value.text());
  return Value(strip(*value.text()));  // strip, trim
}

}  // namespace pennyweight::template_syntax
