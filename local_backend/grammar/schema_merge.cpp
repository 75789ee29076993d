#include "local_backend/grammar/schema_merge.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "local_backend/grammar/schema_keywords.h"

namespace pennyweight::llm {
namespace {

using Json = nlohmann::ordered_json;

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

tl::unexpected<Error> cannot(const std::string& keyword) {
  return fail(ErrorKind::unsupported, "\"" + keyword + "\" in two schemas that must both hold");
}

Json listed(const Json& one_or_more) {
  return one_or_more.is_array() ? one_or_more : Json::array({one_or_more});
}

bool contains(const Json& list, const Json& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool allows_type(const Json& types, const Json& type) {
  return contains(types, type) || (type == "integer" && contains(types, "number"));
}

Json common_types(const Json& a, const Json& b) {
  Json out = Json::array();
  for (const Json& type : listed(a))
    if (allows_type(listed(b), type)) out.push_back(type);
  for (const Json& type : listed(b))
    if (allows_type(listed(a), type) && !contains(out, type)) out.push_back(type);
  return out;
}

Json both(const Json& a, const Json& b) {
  return a == b ? a : Json{{"allOf", Json::array({a, b})}};
}

Json united(const Json& a, const Json& b) {
  Json out = a;
  std::set<Json> known(a.begin(), a.end());
  for (const Json& each : b)
    if (known.insert(each).second) out.push_back(each);
  return out;
}

Json common(const Json& a, const Json& b) {
  Json out = Json::array();
  const std::set<Json> others(b.begin(), b.end());
  for (const Json& each : a)
    if (others.contains(each)) out.push_back(each);
  return out;
}

// An ordered object looks names up one by one.
std::map<std::string, std::size_t> places_of(const Json& object) {
  std::map<std::string, std::size_t> out;
  for (const auto& [name, value] : object.items()) out.emplace(name, out.size());
  return out;
}

Json united_properties(const Json& a, const Json& b) {
  auto out = a.get_ref<const Json::object_t&>();
  const auto places = places_of(a);
  for (const auto& [name, schema] : b.items()) {
    const auto known = places.find(name);
    if (known == places.end()) {
      out.Container::emplace_back(name, schema);
    } else {
      auto& [key, mine] = *(out.begin() + static_cast<std::ptrdiff_t>(known->second));
      mine = both(mine, schema);
    }
  }
  return out;
}

// "items" is about all elements where its own schema has no "prefixItems", so that beside those of
// another it would lose the first ones.
bool splits_items(const Json& a, const Json& b) {
  return a.contains("items") && !a.contains("prefixItems") && b.contains("prefixItems");
}

// A schema that closes its object allows no more properties than it names itself.
bool closes_over(const Json& closed, const Json& other) {
  const auto rule = closed.find("additionalProperties");
  if (rule == closed.end() || *rule == Json(true)) return false;
  const Json named = closed.value("properties", Json::object());
  const Json more = other.value("properties", Json::object());
  if (!named.is_object() || !more.is_object()) return true;
  const auto places = places_of(named);
  for (const auto& [name, schema] : more.items())
    if (!places.contains(name)) return true;
  return false;
}

Result<Json> merge_keyword(const std::string& key, const Json& a, const Json& b) {
  if (a == b || is_schema_annotation(key)) return a;
  if (key == "type") {
    Json types = common_types(a, b);
    return types.empty() ? Result<Json>(cannot(key)) : types;
  }
  if (key == "enum" && a.is_array() && b.is_array()) {
    Json out = common(a, b);
    return out.empty() ? Result<Json>(cannot(key)) : out;
  }
  if (key == "properties" && a.is_object() && b.is_object()) return united_properties(a, b);
  if (key == "required" && a.is_array() && b.is_array()) return united(a, b);
  if (key == "items") return both(a, b);
  if (key == "allOf" && a.is_array() && b.is_array()) return united(a, b);
  if (a.is_number() && b.is_number()) {
    if (is_one_of(key, {"minimum", "exclusiveMinimum", "minLength", "minItems"}))
      return std::max(a, b);
    if (is_one_of(key, {"maximum", "exclusiveMaximum", "maxLength", "maxItems"}))
      return std::min(a, b);
  }
  return cannot(key);
}

// The values that a schema lists; null where it lists none.
Json values_of(const Json& schema) {
  if (schema.contains("const")) return Json::array({schema["const"]});
  return schema.value("enum", Json());
}

bool exclude(const Json& a, const Json& b, int depth) {
  if (depth > 16 || !a.is_object() || !b.is_object()) return false;
  const Json values = values_of(a), others = values_of(b);
  if (values.is_array() && others.is_array()) return common(values, others).empty();
  if (a.contains("type") && b.contains("type") && common_types(a["type"], b["type"]).empty())
    return true;
  if (a.value("type", Json()) != "object" || b.value("type", Json()) != "object") return false;
  const Json mine = a.value("properties", Json()), yours = b.value("properties", Json());
  const Json required = a.value("required", Json()), required_too = b.value("required", Json());
  if (!mine.is_object() || !yours.is_object()) return false;
  for (const auto& [name, schema] : mine.items())
    if (yours.contains(name) && contains(required, name) && contains(required_too, name) &&
        exclude(schema, yours[name], depth + 1))
      return true;
  return false;
}

}  // namespace

Result<std::string> merge_schemas(const std::string& a, const std::string& b) {
  Json out = Json::parse(a, nullptr, false);
  const Json other = Json::parse(b, nullptr, false);
  if (closes_over(out, other) || closes_over(other, out)) return cannot("additionalProperties");
  if (splits_items(out, other) || splits_items(other, out)) return cannot("items");
  for (const auto& [key, value] : other.items()) {
    if (!out.contains(key)) {
      out[key] = value;
      continue;
    }
    auto merged = merge_keyword(key, out[key], value);
    if (!merged) return fail(std::move(merged).error());
    out[key] = *std::move(merged);
  }
  return out.dump();
}

std::optional<std::pair<std::size_t, std::size_t>> first_overlap(
    const std::vector<std::string>& schemas) {
  std::vector<Json> read;
  for (const std::string& schema : schemas) {
    read.push_back(Json::parse(schema, nullptr, false));
    for (std::size_t j = 0; j + 1 < read.size(); ++j)
      if (!exclude(read.back(), read[j], 0)) return std::pair{j, read.size() - 1};
  }
  return std::nullopt;
}

}  // namespace pennyweight::llm
