// JSON-like values and templates over them: the part of the Jinja language that task sets and chat
// templates need. Sandboxed: a template reaches nothing but the values it is given, and stops at
// fixed limits of steps and output.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight {

// A JSON value that keeps the order of its keys. Also how a JSON row crosses a header, since
// third-party types may not.
class Value {
 public:
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;
  Value() = default;
  // NOLINTBEGIN(google-explicit-constructor): implicit, so that maps of values read as data
  Value(std::nullptr_t) {}
  Value(bool b) : data_(b) {}
  Value(int i) : data_(static_cast<std::int64_t>(i)) {}
  Value(std::int64_t i) : data_(i) {}
  Value(double d) : data_(d) {}
  Value(const char* s) : data_(std::string(s)) {}
  Value(std::string_view s) : data_(std::string(s)) {}
  Value(std::string s) : data_(std::move(s)) {}
  Value(List l) : data_(std::move(l)) {}
  Value(Map m) : data_(std::move(m)) {}
  // NOLINTEND(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  // Null when the value is of another kind.
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  const double* real() const { return std::get_if<double>(&data_); }
  const std::string* text() const { return std::get_if<std::string>(&data_); }
  const List* list() const { return std::get_if<List>(&data_); }
  const Map* map() const { return std::get_if<Map>(&data_); }
  const Value* find(std::string_view key) const;  // null when not a map or not there
  void set(std::string key, Value value);         // makes a map of null; replaces an equal key
  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
};

// RFC 8259, UTF-8, depth at most 100. An error names the byte offset. A repeated key is an error.
Result<Value> parse_json(std::string_view json);
// Compact. Canonical: keys sorted by bytes, so that equal values give equal bytes for hashing.
enum class JsonStyle { compact, canonical, indented };
std::string to_json(const Value& value, JsonStyle style = JsonStyle::compact);

// {{ path }}, {{ a.b }}, {{ path[0] }}, {{ list[1:] }}, string and number literals, true, false,
// none,
// `==`, `!=`, `in`, `not in`, `and`, `or`, `not`, `+`, `~` (joins anything as text), `%`, `is
// defined`, `is none`, `is string`, filters strip/trim, lower, upper, json/tojson, default("x"),
// join(", "), letter (0 -> "A"), lines (text -> list), length; .strip(), .lower(), .upper();
// raise_exception("why"); {% for x in list %} with loop.index0/index/first/last/length,
// {% if %}{% elif %}{% else %}{% endif %}, {% set x = ... %}, {# comment #}, `-` trims blanks.
// The rest of Jinja that public chat templates use comes with the engine's own issue.
//
// Blanks around tags: as written (task sets), or as Hugging Face renders chat templates: a line
// that holds only a {% %} or {# #} tag leaves nothing, and one newline at the very end is dropped.
enum class Blanks : std::uint8_t { as_written, chat_template };
class TextTemplate {
 public:
  // An error names line and column.
  static Result<TextTemplate> parse(std::string_view source, Blanks blanks = Blanks::as_written);
  // An undefined name is an error that names it, unless a default filter takes it. At most 1e6
  // steps and 16 MiB of output. Thread-safe: a parsed template does not change.
  Result<std::string> render(const Value& variables) const;

 private:
  struct Node;
  std::shared_ptr<const Node> root_;  // null renders to nothing
};

}  // namespace pennyweight
