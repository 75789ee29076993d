#include "runners/json_reader.h"

#include <utility>

#include <simdjson.h>

#include "runners/surrogates.h"

namespace pennyweight {

struct JsonReader::Document {
  simdjson::dom::parser parser;  // owns what `root` points to
  simdjson::dom::element root;
  bool has_halves = false;  // of characters

  bool parse(std::string_view json) {
    return parser.parse(json.data(), json.size()).get(root) == simdjson::SUCCESS;
  }
};

JsonReader::JsonReader(std::unique_ptr<Document> document) : document_(std::move(document)) {}
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;
JsonReader::~JsonReader() = default;

std::optional<JsonReader> JsonReader::read(std::string_view json) {
  if (json.empty()) return std::nullopt;  // simdjson would copy from a null pointer
  auto document = std::make_unique<Document>();
  if (!document->parse(json)) {
    if (json.find("\\u") == std::string_view::npos) return std::nullopt;
    if (!document->parse(hide_lone_surrogates(json))) return std::nullopt;
    document->has_halves = true;
  }
  return JsonReader(std::move(document));
}

std::optional<std::string> JsonReader::text(std::string_view path) const {
  std::string_view out;
  if (document_->root.at_pointer(path).get(out) != simdjson::SUCCESS) return std::nullopt;
  return document_->has_halves ? show_lone_surrogates(out) : std::string(out);
}

std::optional<std::int64_t> JsonReader::integer(std::string_view path) const {
  std::int64_t out = 0;
  if (document_->root.at_pointer(path).get(out) != simdjson::SUCCESS) return std::nullopt;
  return out;
}

bool JsonReader::has(std::string_view path) const {
  simdjson::dom::element out;
  return document_->root.at_pointer(path).get(out) == simdjson::SUCCESS && !out.is_null();
}

}  // namespace pennyweight
