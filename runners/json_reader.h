// JSON that a server sent, read once: paths into it, and whatever is missing or of another kind is
// simply empty, because servers leave out what they like.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pennyweight {

// One thread.
class JsonReader {
 public:
  // Empty when `json` is not one whole JSON document (UTF-8). Half characters, as escapes, are let
  // through (runners/surrogates.h).
  static std::optional<JsonReader> read(std::string_view json);
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;
  ~JsonReader();

  // `path` is a JSON pointer (RFC 6901): "/choices/0/delta/content"; "" is the whole.
  std::optional<std::string> text(std::string_view path) const;
  std::optional<std::int64_t> integer(std::string_view path) const;
  bool has(std::string_view path) const;  // there, and not null

 private:
  struct Document;
  explicit JsonReader(std::unique_ptr<Document> document);
  std::unique_ptr<Document> document_;
};

}  // namespace pennyweight
