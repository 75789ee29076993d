#include "tests/local_backend/grammar/schema_check.h"

#include <algorithm>
#include <cmath>
#include <regex>

#include "metrics/base/utf8.h"

namespace pennyweight::llm::test {
namespace {

using Json = OrderedJson;

bool has_type(const Json& value, const Json& type) {
  if (type.is_array())
    return std::any_of(type.begin(), type.end(), [&](const Json& t) { return has_type(value, t); });
  if (type == "integer")
    return value.is_number_integer() ||
           (value.is_number() && std::trunc(value.get<double>()) == value.get<double>());
  if (type == "number") return value.is_number();
  return value.type_name() == type.get<std::string>();
}

bool valid_object(const Json& value, const Json& schema, const Json& root) {
  for (const Json& name : schema.value("required", Json::array()))
    if (!value.contains(name.get<std::string>())) return false;
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [name, each] : value.items()) {
    const Json rule = properties.contains(name) ? properties[name]
                                                : schema.value("additionalProperties", Json(true));
    if (!is_valid(each, rule, root)) return false;
  }
  return true;
}

bool valid_array(const Json& value, const Json& schema, const Json& root) {
  const Json prefix = schema.value("prefixItems", Json::array());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const Json rule = i < prefix.size() ? prefix[i] : schema.value("items", Json(true));
    if (!is_valid(value[i], rule, root)) return false;
  }
  return value.size() >= schema.value("minItems", std::size_t{0}) &&
         value.size() <= schema.value("maxItems", std::size_t{1'000'000});
}

std::wstring wide(const std::string& text) {
  const auto characters = code_points(text);
  return {characters.begin(), characters.end()};
}

bool valid_string(const std::string& value, const Json& schema) {
  const std::size_t length = code_point_count(value);
  if (length < schema.value("minLength", std::size_t{0})) return false;
  if (length > schema.value("maxLength", std::size_t{1'000'000})) return false;
  if (schema.contains("pattern"))
    return std::regex_search(wide(value), std::wregex(wide(schema["pattern"].get<std::string>())));
  return true;
}

bool valid_number(double value, const Json& schema) {
  return value >= schema.value("minimum", -INFINITY) &&
         value <= schema.value("maximum", INFINITY) &&
         value > schema.value("exclusiveMinimum", -INFINITY) &&
         value < schema.value("exclusiveMaximum", INFINITY);
}

Json random_number(Random& random, bool integer) {
  Json out = {{"type", integer ? "integer" : "number"}};
  const auto low = static_cast<std::int64_t>(random.below(4000)) - 2000;
  const auto high = low + 2 + static_cast<std::int64_t>(random.below(3000));
  const auto which = random.below(5);
  if (which == 1 || which == 3) out["minimum"] = low;
  if (which == 2 || which == 3) out["maximum"] = high;
  if (which == 4) {
    out["exclusiveMinimum"] = low;
    out["exclusiveMaximum"] = high;
  }
  return out;
}

Json random_string(Random& random) {
  switch (random.below(4)) {
    case 0:
      return {{"type", "string"}, {"maxLength", 3 + random.below(10)}, {"minLength", 2}};
    case 1:
      return {{"enum", Json::array({"a \"b\"", "가\n", "", 3, Json::array({1, nullptr})})}};
    case 2:
      return {{"type", "string"}, {"pattern", "^[A-F]{2,3}-(\\d+|x\"?)[^a-z\\s]?$"}};
    default:
      return {{"type", "string"}, {"maxLength", 20}};
  }
}

Json random_object(Random& random, int depth) {
  Json out = {{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
  const auto count = random.below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string name = std::string("p") + std::to_string(i);
    out["properties"][name] = random_schema(random, depth - 1);
    if (random.below(2) == 0) out["required"].push_back(name);
  }
  if (random.below(3) == 0) out["additionalProperties"] = {{"type", "integer"}};
  if (random.below(3) == 0) out["additionalProperties"] = false;
  return out;
}

Json random_array(Random& random, int depth) {
  Json out = {{"type", "array"}, {"items", random_schema(random, depth - 1)}};
  const auto least = random.below(3);
  if (random.below(2) == 0) out["minItems"] = least;
  out["maxItems"] = least + random.below(4);
  if (random.below(3) == 0) {
    out["prefixItems"] =
        Json::array({random_schema(random, depth - 1), random_schema(random, depth - 1)});
    if (random.below(2) == 0) {
      out["items"] = false;
      out["maxItems"] = 2;
    }
  }
  return out;
}

}  // namespace

bool is_valid(const Json& value, const Json& schema, const Json& root) {
  if (schema.is_boolean()) return schema.get<bool>();
  const auto holds = [&](const Json& each) { return is_valid(value, each, root); };
  if (schema.contains("$ref") &&
      !holds(root.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1)))))
    return false;
  if (schema.contains("type") && !has_type(value, schema["type"])) return false;
  if (schema.contains("const") && value != schema["const"]) return false;
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end())
    return false;
  for (const Json& each : schema.value("allOf", Json::array()))
    if (!holds(each)) return false;
  const Json any = schema.value("anyOf", Json::array());
  if (!any.empty() && std::none_of(any.begin(), any.end(), holds)) return false;
  const Json one = schema.value("oneOf", Json::array());
  if (!one.empty() && std::count_if(one.begin(), one.end(), holds) != 1) return false;
  if (value.is_object()) return valid_object(value, schema, root);
  if (value.is_array()) return valid_array(value, schema, root);
  if (value.is_string()) return valid_string(value.get<std::string>(), schema);
  if (value.is_number()) return valid_number(value.get<double>(), schema);
  return true;
}

Json random_schema(Random& random, int depth) {
  switch (random.below(depth > 0 ? 9 : 5)) {
    case 0:
      return random_number(random, true);
    case 1:
      return random_number(random, false);
    case 2:
      return random_string(random);
    case 3:
      return {{"type", Json::array({"boolean", "null"})}, {"title", "ignored"}};
    case 4:
      return {{"const", Json{{"k", Json::array({1, 2.5, "x"})}}}};
    case 5:
      return random_object(random, depth);
    case 6:
      return random_array(random, depth);
    case 7:
      return {{"anyOf",
               Json::array({random_schema(random, depth - 1), random_schema(random, depth - 1)})}};
    default:
      return {{"oneOf", Json::array({{{"type", "string"}, {"maxLength", 4}},
                                     random_object(random, depth),
                                     {{"type", "array"}, {"maxItems", 1}, {"items", false}}})}};
  }
}

}  // namespace pennyweight::llm::test
