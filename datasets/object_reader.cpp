#include "datasets/object_reader.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

const Value& empty_object() {
  static const Value empty{Value::Map()};
  return empty;
}

}  // namespace

ObjectReader::ObjectReader(std::string what, const Value& object, const SourceText* source)
    : what_(std::move(what)),
      object_(&object),
      source_(source),
      first_(std::make_shared<std::optional<Error>>()) {
  if (object.is_null()) object_ = &empty_object();
  if (object_->map() == nullptr) wrong("", "is not an object");
}

ObjectReader::ObjectReader(const ObjectReader& parent, std::string what, JsonPath path,
                           const Value& object)
    : what_(std::move(what)),
      object_(&object),
      source_(parent.source_),
      path_(std::move(path)),
      first_(parent.first_) {
  if (object_->map() == nullptr) wrong("", "is not an object");
}

void ObjectReader::allow(const std::vector<std::string>& keys) {
  if (object_->map() == nullptr) return;
  for (const auto& [key, value] : *object_->map()) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const std::string_view meant = nearest(key, keys);
    wrong(key, fmt::format("unknown key \"{}\"", printable(key)),
          meant.empty() ? fmt::format("known keys: {}", fmt::join(keys, ", "))
                        : fmt::format("did you mean \"{}\"?", meant));
  }
}

bool ObjectReader::has(std::string_view key) const {
  const Value* value = any(key);
  return value != nullptr && !value->is_null();
}

const Value* ObjectReader::any(std::string_view key) const {
  return object_->find(key);
}

std::string ObjectReader::required_text(std::string_view key) {
  auto value = text(key);
  if (!value && !has(key)) wrong(key, fmt::format("\"{}\" is missing", key));
  return value.value_or("");
}

std::optional<std::string> ObjectReader::text(std::string_view key) {
  if (!has(key)) return std::nullopt;
  if (const std::string* value = any(key)->text()) return *value;
  expected(key, "a string");
  return std::nullopt;
}

std::string ObjectReader::one_of(std::string_view key, const std::vector<std::string>& words) {
  const std::string value = text(key).value_or(words.front());
  if (std::find(words.begin(), words.end(), value) == words.end()) {
    const std::string_view meant = nearest(value, words);
    wrong(key, fmt::format("\"{}\" cannot be \"{}\"", key, printable(value)),
          meant.empty() ? fmt::format("possible: {}", fmt::join(words, ", "))
                        : fmt::format("did you mean \"{}\"?", meant));
  }
  return value;
}

bool ObjectReader::flag(std::string_view key, bool otherwise) {
  if (!has(key)) return otherwise;
  if (const bool* value = any(key)->boolean()) return *value;
  expected(key, "true or false");
  return otherwise;
}

std::optional<std::int64_t> ObjectReader::integer(std::string_view key, std::int64_t low,
                                                  std::int64_t high) {
  if (!has(key)) return std::nullopt;
  const std::int64_t* value = any(key)->integer();
  if (value != nullptr && *value >= low && *value <= high) return *value;
  expected(key, fmt::format("a whole number from {} to {}", low, high));
  return std::nullopt;
}

std::optional<double> ObjectReader::number(std::string_view key, double low, double high) {
  if (!has(key)) return std::nullopt;
  const Value& value = *any(key);
  double number = std::nan("");
  if (value.real() != nullptr) number = *value.real();
  if (value.integer() != nullptr) number = static_cast<double>(*value.integer());
  if (number >= low && number <= high) return number;
  expected(key, fmt::format("a number from {} to {}", low, high));
  return std::nullopt;
}

std::vector<std::string> ObjectReader::texts(std::string_view key) {
  std::vector<std::string> out;
  const Value::List* values = list(key);
  if (values == nullptr) return out;
  for (const Value& value : *values) {
    if (value.text() == nullptr) {
      expected(key, "a list of strings");
      return {};
    }
    out.push_back(*value.text());
  }
  return out;
}

const Value::List* ObjectReader::list(std::string_view key) {
  if (!has(key)) return nullptr;
  const Value::List* values = any(key)->list();
  if (values == nullptr) expected(key, "a list");
  return values;
}

ObjectReader ObjectReader::object(std::string_view key) {
  JsonPath path = path_;
  path.emplace_back(key);
  return ObjectReader(*this, std::string(key), std::move(path),
                      has(key) ? *any(key) : empty_object());
}

ObjectReader ObjectReader::element(std::string_view key, std::size_t index) {
  JsonPath path = path_;
  path.emplace_back(key);
  path.push_back(std::to_string(index));
  return ObjectReader(*this, fmt::format("{}[{}]", key, index), std::move(path),
                      (*any(key)->list())[index]);
}

void ObjectReader::wrong(std::string_view key, std::string what, std::string fix, ErrorKind kind) {
  if (!ok()) return;
  const std::string subject =
      key.empty() ? fmt::format("{} {}", what_, what) : fmt::format("{}: {}", what_, what);
  *first_ = Error{kind, at(key) + subject, {}, std::move(fix)};
}

std::string ObjectReader::at(std::string_view key) const {
  if (source_ == nullptr) return {};
  JsonPath path = path_;
  if (!key.empty()) path.emplace_back(key);
  return place(*source_, offset_of(source_->text, path)) + ": ";
}

void ObjectReader::expected(std::string_view key, std::string_view kind) {
  wrong(key, fmt::format("\"{}\" must be {}", key, kind));
}

}  // namespace pennyweight
