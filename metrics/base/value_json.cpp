#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <exception>
#include <iterator>
#include <unordered_set>

#include <nlohmann/json.hpp>

#include "metrics/base/text_template.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

constexpr std::size_t kMaxDepth = 100;

// Counts what the parser has taken, because its key() event does not say where the key was.
class CountingIterator {
 public:
  using difference_type = std::ptrdiff_t;
  using value_type = char;
  using pointer = const char*;
  using reference = const char&;
  using iterator_category = std::input_iterator_tag;
  CountingIterator(const char* at, std::size_t* count) : at_(at), count_(count) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) {
    return a.at_ == b.at_;
  }

 private:
  const char* at_;
  std::size_t* count_;
};

// Builds a Value from parser events. Each handler returns false to stop; error_ then says why.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(const std::size_t& taken) : taken_(taken) {}

  bool null() override { return put(Value()); }
  bool boolean(bool b) override { return put(Value(b)); }
  bool number_integer(number_integer_t i) override { return put(Value(std::int64_t{i})); }
  bool number_unsigned(number_unsigned_t u) override {
    if (u <= static_cast<number_unsigned_t>(INT64_MAX)) {
      return put(Value(static_cast<std::int64_t>(u)));
    }
    return put(Value(static_cast<double>(u)));
  }
  bool number_float(number_float_t d, const string_t&) override { return put(Value(double{d})); }
  bool string(string_t& s) override { return put(Value(std::move(s))); }
  bool binary(binary_t&) override { return stop("binary data"); }
  bool start_object(std::size_t) override { return open(true); }
  bool start_array(std::size_t) override { return open(false); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& key) override {
    Frame& frame = frames_.back();
    if (!frame.keys.insert(key).second) return stop("the key \"" + key + "\" is there twice");
    frame.map.emplace_back(std::move(key), Value());
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) override {
    if (error_.what.empty()) {
      std::string_view text = error.what();
      // "[json.exception.parse_error.101] parse error at line 1, column 3: what we want"
      if (const auto end = text.find("] "); end != text.npos) text.remove_prefix(end + 2);
      if (const auto end = text.find(": "); end != text.npos) text.remove_prefix(end + 2);
      report(position == 0 ? 0 : position - 1, std::string(text));
    }
    return false;
  }

  Result<Value> finish(bool accepted) {
    if (accepted) return std::move(root_);
    return fail(std::move(error_));
  }

 private:
  struct Frame {
    bool is_map;
    Value::Map map;
    Value::List list;
    std::unordered_set<std::string> keys;
  };

  bool put(Value value) {
    if (frames_.empty()) {
      root_ = std::move(value);
    } else if (frames_.back().is_map) {
      frames_.back().map.back().second = std::move(value);
    } else {
      frames_.back().list.push_back(std::move(value));
    }
    return true;
  }
  bool open(bool is_map) {
    if (frames_.size() == kMaxDepth) return stop("nested deeper than 100 levels");
    frames_.push_back({is_map, {}, {}, {}});
    return true;
  }
  bool close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    return put(frame.is_map ? Value(std::move(frame.map)) : Value(std::move(frame.list)));
  }
  bool stop(std::string why) {
    report(taken_ == 0 ? 0 : taken_ - 1, std::move(why));
    return false;
  }
  void report(std::size_t offset, std::string why) {
    error_ = Error{ErrorKind::invalid_input,
                   "malformed JSON at byte " + std::to_string(offset),
                   printable(why),
                   {}};
  }

  const std::size_t& taken_;
  std::vector<Frame> frames_;
  Value root_;
  Error error_;
};

void append_string(std::string& out, const std::string& raw) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : replace_invalid_utf8(raw)) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[c >> 4];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

// Shortest text that reads back as the same double, and always as a double: 1.0, not 1.
void append_real(std::string& out, double d) {
  if (!std::isfinite(d)) {
    out += "null";
    return;
  }
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, d).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  out += text;
  if (text.find_first_of(".e") == text.npos) out += ".0";
}

class Writer {
 public:
  explicit Writer(JsonStyle style) : style_(style) {}

  void write(const Value& value, std::size_t depth) {
    if (value.boolean() != nullptr) {
      out += *value.boolean() ? "true" : "false";
    } else if (value.integer() != nullptr) {
      out += std::to_string(*value.integer());
    } else if (value.real() != nullptr) {
      append_real(out, *value.real());
    } else if (value.text() != nullptr) {
      append_string(out, *value.text());
    } else if (value.list() != nullptr) {
      write_list(*value.list(), depth);
    } else if (value.map() != nullptr) {
      write_map(*value.map(), depth);
    } else {
      out += "null";
    }
  }

  std::string out;

 private:
  void write_list(const Value::List& list, std::size_t depth) {
    out += '[';
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i > 0) out += ',';
      new_line(depth + 1);
      write(list[i], depth + 1);
    }
    if (!list.empty()) new_line(depth);
    out += ']';
  }

  void write_map(const Value::Map& map, std::size_t depth) {
    std::vector<const std::pair<std::string, Value>*> order;
    for (const auto& entry : map) order.push_back(&entry);
    if (style_ == JsonStyle::canonical) {
      std::sort(order.begin(), order.end(),
                [](const auto* a, const auto* b) { return a->first < b->first; });
    }
    out += '{';
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0) out += ',';
      new_line(depth + 1);
      append_string(out, order[i]->first);
      out += style_ == JsonStyle::indented ? ": " : ":";
      write(order[i]->second, depth + 1);
    }
    if (!map.empty()) new_line(depth);
    out += '}';
  }

  void new_line(std::size_t depth) {
    if (style_ != JsonStyle::indented) return;
    out += '\n';
    out.append(2 * depth, ' ');
  }

  JsonStyle style_;
};

}  // namespace

const Value* Value::find(std::string_view key) const {
  const Map* entries = map();
  if (entries == nullptr) return nullptr;
  for (const auto& [name, value] : *entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Value::set(std::string key, Value value) {
  if (map() == nullptr) data_ = Map();
  Map& entries = std::get<Map>(data_);
  for (auto& [name, old] : entries) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  entries.emplace_back(std::move(key), std::move(value));
}

Result<Value> parse_json(std::string_view json) {
  std::size_t taken = 0;
  Builder builder(taken);
  try {
    const bool accepted =
        nlohmann::json::sax_parse(CountingIterator(json.data(), &taken),
                                  CountingIterator(json.data() + json.size(), &taken), &builder);
    return builder.finish(accepted);
  } catch (const std::exception& error) {
    return fail(ErrorKind::invalid_input, "malformed JSON", error.what());
  }
}

std::string to_json(const Value& value, JsonStyle style) {
  Writer writer(style);
  writer.write(value, 0);
  return std::move(writer.out);
}

}  // namespace pennyweight
