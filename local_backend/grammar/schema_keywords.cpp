#include "local_backend/grammar/schema_keywords.h"

#include <algorithm>

namespace pennyweight::llm {
namespace {

using Words = std::vector<std::string>;

bool contains(const Words& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

const Words kAnnotations = {
    "$schema",    "$id",         "$comment",  "$defs",           "definitions",
    "title",      "description", "default",   "examples",        "example",
    "deprecated", "readOnly",    "writeOnly", "contentEncoding", "contentMediaType"};
const Words kOthers = {"type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref"};

}  // namespace

const std::map<std::string, Words, std::less<>>& schema_keywords_by_type() {
  static const std::map<std::string, Words, std::less<>> keywords = {
      {"object", {"properties", "required", "additionalProperties"}},
      {"array", {"items", "prefixItems", "minItems", "maxItems"}},
      {"string", {"minLength", "maxLength", "pattern", "format"}},
      {"number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}},
      {"integer", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}},
      {"boolean", {}},
      {"null", {}}};
  return keywords;
}

bool is_schema_annotation(const std::string& keyword) {
  return contains(kAnnotations, keyword);
}

bool is_schema_keyword(const std::string& keyword) {
  return contains(kOthers, keyword) || is_schema_annotation(keyword) ||
         std::ranges::any_of(schema_keywords_by_type(),
                             [&](const auto& entry) { return contains(entry.second, keyword); });
}

}  // namespace pennyweight::llm
