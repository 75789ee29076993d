#include "datasets/json_place.h"

#include <algorithm>
#include <charconv>

#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

// Steps over well-formed JSON without building anything.
class Walker {
 public:
  explicit Walker(std::string_view json) : json_(json) {}

  std::size_t position() const { return at_; }
  char peek() {
    while (at_ < json_.size() && std::string_view(" \t\r\n").find(json_[at_]) != json_.npos) ++at_;
    return at_ < json_.size() ? json_[at_] : '\0';
  }
  void take() { ++at_; }

  // Begins at the opening quote; returns the string with its quotes.
  std::string_view take_string() {
    const std::size_t begin = at_++;
    while (at_ < json_.size() && json_[at_] != '"') at_ += json_[at_] == '\\' ? 2U : 1U;
    at_ = std::min(at_ + 1, json_.size());
    return json_.substr(begin, at_ - begin);
  }

  void skip_value() {
    std::size_t depth = 0;
    do {
      const char c = peek();
      if (c == '\0') return;
      if (c == '"') {
        take_string();
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      take();
      const bool word = std::string_view("{}[],:").find(c) == std::string_view::npos;
      while (word && at_ < json_.size() &&
             std::string_view(",]} \t\r\n").find(json_[at_]) == json_.npos) {
        take();
      }
    } while (depth > 0);
  }

 private:
  std::string_view json_;
  std::size_t at_ = 0;
};

bool is_key(std::string_view quoted, const std::string& key) {
  if (quoted.find('\\') == quoted.npos) return quoted == "\"" + key + "\"";
  const auto value = parse_json(quoted);
  return value && value->text() != nullptr && *value->text() == key;
}

// Moves to the value of `step` in the container at the walker; `found` becomes where its key (or
// the element) begins.
bool enter(Walker& walker, const std::string& step, std::size_t& found) {
  const char open = walker.peek();
  if (open != '{' && open != '[') return false;
  walker.take();
  for (std::size_t index = 0;; ++index) {
    const char c = walker.peek();
    if (c == '}' || c == ']' || c == '\0') return false;
    const std::size_t begin = walker.position();
    bool here = open == '[' && std::to_string(index) == step;
    if (open == '{') {
      here = is_key(walker.take_string(), step);
      walker.peek();
      walker.take();  // the colon
    }
    if (here) {
      found = begin;
      return true;
    }
    walker.skip_value();
    if (walker.peek() == ',') walker.take();
  }
}

// parse_json puts "at byte N" into its errors.
std::size_t byte_in(std::string_view error) {
  constexpr std::string_view kMark = "at byte ";
  std::size_t offset = 0;
  if (const auto at = error.rfind(kMark); at != error.npos) {
    std::from_chars(error.data() + at + kMark.size(), error.data() + error.size(), offset);
  }
  return offset;
}

std::size_t first_invalid_byte(std::string_view text) {
  std::size_t low = 0, high = text.size();  // text[0, low) is valid but for its last character
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    std::string_view head = text.substr(0, middle);
    head = head.substr(0, complete_utf8_prefix(head));
    (is_valid_utf8(head) ? low : high) = middle;
  }
  return complete_utf8_prefix(text.substr(0, low));
}

}  // namespace

std::size_t offset_of(std::string_view json, const JsonPath& path) {
  Walker walker(json);
  walker.peek();
  std::size_t found = walker.position();
  for (const std::string& step : path) {
    if (!enter(walker, step, found)) break;
  }
  return found;
}

std::string place(const SourceText& source, std::size_t offset) {
  const std::string_view before = source.text.substr(0, std::min(offset, source.text.size()));
  const auto lines = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const auto line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return source.name + ":" + std::to_string(source.line + lines) + ":" +
         std::to_string(code_point_count(before.substr(line_begin)) + 1);
}

Result<Value> parse_json_source(const SourceText& source) {
  if (!is_valid_utf8(source.text)) {
    return fail(ErrorKind::invalid_input,
                place(source, first_invalid_byte(source.text)) + ": not valid UTF-8", "",
                "save the file as UTF-8");
  }
  auto value = parse_json(source.text);
  if (value) return value;
  const std::string& why = value.error().why.empty() ? value.error().what : value.error().why;
  return fail(ErrorKind::invalid_input,
              place(source, byte_in(value.error().what)) + ": malformed JSON", why);
}

}  // namespace pennyweight
