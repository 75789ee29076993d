// JSON-like values and templates over them: the part of the Jinja language that task sets and chat
// templates need. Sandboxed: a template reaches nothing but the values it is given, and stops at
// fixed limits of steps and output.
#pragma once

#include <cstddef>
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

// What a template is for. Both read the same language: Jinja 2 as Hugging Face sets it up for chat
// templates, without import, include, extends and whatever else reaches beyond its variables (see
// docs/templates.md). They differ in what is an oversight and what is a habit:
//
//              task_set                                chat_template, as Hugging Face renders it
// undefined    an error that names it, unless default  empty text, false, an empty list
// blanks       as written                              a line that holds only a {% %} or {# #} tag
//                                                      leaves nothing; a newline at the end is cut
// unknown      names are errors when parsed            errors when reached
// text         text filters take texts, lists are not  anything is made into text, as by str()
//              printed
// a.items      the key "items"                         the method
// tojson       compact                                 as json.dumps
enum class TemplateUse : std::uint8_t { task_set, chat_template };

// Bytes [begin, end) of a text.
struct TextSpan {
  std::size_t begin = 0, end = 0;
  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};
struct FollowedText {
  std::string text;
  std::vector<TextSpan> spans;  // ascending, disjoint, none empty
};

class TextTemplate {
 public:
  // An error names line and column.
  static Result<TextTemplate> parse(std::string_view source, TemplateUse use = TemplateUse::task_set);
  // At most 1e6 steps, calls 100 deep, and 16 MiB of output. The function strftime_now(format) is
  // there when the variable of that name holds a date, "2024-07-26": we have no clock. Thread-safe:
  // a parsed template does not change.
  Result<std::string> render(const Value& variables) const;
  // And says which bytes came from texts that stand under `key` in a map of the variables: exactly,
  // through joins, cuts, replacements and changes of case; a text made from one in another way
  // counts as from it in whole.
  Result<FollowedText> render_following(const Value& variables, std::string_view key) const;

 private:
  struct Node;
  std::shared_ptr<const Node> root_;  // null renders to nothing
};

}  // namespace pennyweight
