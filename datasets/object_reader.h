// Reads the fields of one JSON object, strictly: an unknown key, a missing one and one of the wrong
// kind are errors. The first error of an object and its children is kept, so that a reader lists
// its fields in a row and asks once. Null counts as absent. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/json_place.h"

namespace pennyweight {

class ObjectReader {
 public:
  // `what` names the object in errors. Without a source an error has no place. Both arguments must
  // outlive the reader.
  ObjectReader(std::string what, const Value& object, const SourceText* source = nullptr);

  void allow(const std::vector<std::string>& keys);
  bool has(std::string_view key) const;
  const Value* any(std::string_view key) const;

  std::string required_text(std::string_view key);
  std::optional<std::string> text(std::string_view key);
  std::string one_of(std::string_view key,
                     const std::vector<std::string>& words);  // first: default
  bool flag(std::string_view key, bool otherwise);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high);
  std::optional<double> number(std::string_view key, double low, double high);
  std::vector<std::string> texts(std::string_view key);
  const Value::List* list(std::string_view key);
  ObjectReader object(std::string_view key);  // an empty one when absent
  ObjectReader element(std::string_view key, std::size_t index);

  // Records an error at `key`.
  void wrong(std::string_view key, std::string what, std::string fix = {},
             ErrorKind kind = ErrorKind::invalid_input);
  bool ok() const { return !*first_; }
  const Error& error() const { return **first_; }
  // "rows.jsonl:12:5: ", or "" without a source.
  std::string at(std::string_view key) const;

 private:
  ObjectReader(const ObjectReader& parent, std::string what, JsonPath path, const Value& object);
  void expected(std::string_view key, std::string_view kind);

  std::string what_;
  const Value* object_;
  const SourceText* source_;
  JsonPath path_;
  std::shared_ptr<std::optional<Error>> first_;
};

}  // namespace pennyweight
