#include "local_backend/grammar/json_schema.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "local_backend/grammar/gbnf_text.h"
#include "local_backend/grammar/object_rules.h"
#include "local_backend/grammar/schema_keywords.h"
#include "local_backend/grammar/schema_merge.h"
#include "local_backend/grammar/schema_number.h"
#include "local_backend/grammar/schema_place.h"
#include "local_backend/grammar/string_rules.h"
#include "local_backend/json_excess.h"
#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 100;
constexpr std::size_t kMaxWork = 1 << 24;  // bytes merged and compared: about a second
constexpr std::size_t kWorkOfSchema = 800;

bool fits_type(const Json& value, std::string_view type) {
  if (type == "integer")
    return value.is_number_integer() ||
           (value.is_number() && std::trunc(value.get<double>()) == value.get<double>());
  if (type == "number") return value.is_number();
  return value.type_name() == type;
}

// Schemas to rules. Each function gives an expression; after an error whatever it gives is unused.
class SchemaCompiler {
 public:
  explicit SchemaCompiler(const Json& root) : root_(root) {}

  Result<std::string> compile() {
    const std::string root = visit(root_, "#", 0);
    if (error_) return fail(*error_);
    text_.define("root", root);
    return text_.text();
  }

  // An error of the grammar, in the schema's words. `rule` is at fault, or "".
  Error in_schema(const Error& error, const std::string& rule) const {
    if (rule.empty()) return {error.kind, "JSON schema: " + error.what, error.why, kFix};
    return {error.kind,
            fmt::format("JSON schema, {}: nothing that it allows comes to an end",
                        rule == "root" ? "#" : text_.wish_of(rule)),
            "it needs itself again", "make what leads back to it optional"};
  }

 private:
  static constexpr const char* kFix = "leave it out, or use a grammar";

  std::string refuse(const std::string& where, const std::string& what) {
    if (!error_)
      error_ =
          Error{ErrorKind::unsupported,
                fmt::format("JSON schema, {}: {}", printable(where), shortened(what)), "", kFix};
    return {};
  }

  bool charge(std::size_t bytes, const std::string& where) {
    work_ += bytes;
    if (work_ > kMaxWork) refuse(where, "the schema is too large");
    return !error_;
  }

  std::string visit(const Json& schema, const std::string& where, int depth) {
    if (error_) return {};
    if (depth > kMaxDepth || text_.text().size() > Grammar::kMaxText) work_ = kMaxWork;
    if (!charge(kWorkOfSchema + where.size(), where)) return {};
    if (schema.is_boolean())
      return schema.get<bool>() ? text_.json("value") : refuse(where, "false allows nothing");
    if (!schema.is_object()) return refuse(where, "a schema is an object, true or false");
    for (const auto& [key, value] : schema.items())
      if (!is_schema_keyword(key))
        return refuse(where, fmt::format("\"{}\" is not supported", key));
    if (schema.contains("$ref")) return visit_reference(schema, where, depth);
    if (schema.contains("allOf")) return visit_all(schema, where, depth);
    if (schema.contains("anyOf") || schema.contains("oneOf"))
      return visit_choice(schema, where, depth);
    if (schema.contains("const") || schema.contains("enum")) return values(schema, where);
    return visit_types(schema, where, depth);
  }

  // ---- references and combinations ----

  const Json* target_of(const Json& reference, const std::string& where) {
    const std::string text = reference.is_string() ? reference.get<std::string>() : "";
    if (!text.starts_with('#') || text.find('%') != std::string::npos) {
      refuse(where, "\"$ref\" must be a place in the same schema, such as #/$defs/name");
      return nullptr;
    }
    try {
      return &root_.at(Json::json_pointer(text.substr(1)));
    } catch (const Json::exception&) {
      refuse(where, fmt::format("\"$ref\": there is no {}", text));
      return nullptr;
    }
  }

  static Json without(const Json& schema, std::initializer_list<const char*> keys) {
    Json out = schema;
    for (const char* key : keys) out.erase(key);
    return out;
  }
  static bool only_annotates(const Json& schema) {
    for (const auto& [key, value] : schema.items())
      if (!is_schema_annotation(key)) return false;
    return true;
  }

  std::string visit_reference(const Json& schema, const std::string& where, int depth) {
    const Json beside = without(schema, {"$ref"});
    if (!only_annotates(beside))
      return visit(merged(beside, Json{{"$ref", schema["$ref"]}}, where), where, depth + 1);
    const Json* target = target_of(schema["$ref"], where);
    if (target == nullptr) return {};
    const auto place = schema["$ref"].get<std::string>();
    if (const auto known = references_.find(place); known != references_.end())
      return known->second;
    const std::string name = text_.reserve(shortened(place));
    references_.emplace(place, name);
    text_.define(name, visit(*target, shortened(place), depth + 1));
    return name;
  }

  // The schema that a chain of references ends at, with what stands beside them.
  Json resolved(Json schema, const std::string& where, int hops) {
    for (; !error_ && schema.is_object() && schema.contains("$ref"); ++hops) {
      if (hops > kMaxDepth) refuse(where, "\"$ref\" leads back to itself");
      const Json* target = target_of(schema["$ref"], where);
      if (error_) break;
      const Json beside = without(schema, {"$ref"});
      schema = only_annotates(beside) ? *target : merged(beside, *target, where, hops + 1);
    }
    return schema;
  }

  Json merged(const Json& a, const Json& b, const std::string& where, int hops = 0) {
    const Json left = resolved(a, where, hops), right = resolved(b, where, hops);
    if (error_ || left == Json(true)) return right;
    if (right == Json(true)) return left;
    if (!left.is_object() || !right.is_object()) {
      refuse(where, "false allows nothing");
      return {};
    }
    const std::string one = left.dump(), other = right.dump();
    if (!charge(4 * (one.size() + other.size()), where)) return {};
    auto text = merge_schemas(one, other);
    if (!text) refuse(where, text.error().what);
    return text ? Json::parse(*text, nullptr, false) : Json();
  }

  std::string visit_all(const Json& schema, const std::string& where, int depth) {
    if (!schema["allOf"].is_array()) return refuse(where, "\"allOf\" must be a list");
    Json whole = without(schema, {"allOf"});
    for (const Json& branch : schema["allOf"]) {
      whole = merged(whole, branch, where);
      if (error_) return {};
    }
    return visit(whole, where, depth + 1);
  }

  std::string visit_choice(const Json& schema, const std::string& where, int depth) {
    const char* key = schema.contains("anyOf") ? "anyOf" : "oneOf";
    const Json& branches = schema[key];
    if (schema.contains("anyOf") && schema.contains("oneOf"))
      return refuse(where, "\"anyOf\" beside \"oneOf\" is not supported");
    if (!branches.is_array() || branches.empty())
      return refuse(where, fmt::format("\"{}\" must be a list of schemas", key));
    const Json beside = without(schema, {"anyOf", "oneOf"});
    std::vector<Json> whole;
    std::string out;
    for (std::size_t i = 0; i < branches.size() && !error_; ++i) {
      const std::string place = place_under(where, fmt::format("{}/{}", key, i));
      whole.push_back(only_annotates(beside) ? branches[i] : merged(beside, branches[i], place));
      out += (i > 0 ? " | " : "") + visit(whole.back(), place, depth + 1);
    }
    if (*key == 'o') check_exclusive(whole, where);
    return text_.add(where, out);
  }

  void check_exclusive(const std::vector<Json>& branches, const std::string& where) {
    std::vector<std::string> texts;
    for (const Json& branch : branches) texts.push_back(resolved(branch, where, 0).dump());
    std::size_t bytes = 0;
    for (const std::string& text : texts) bytes += text.size();
    if (!charge(32 * texts.size() * texts.size() + bytes * bytes / 128, where)) return;
    if (const auto both = first_overlap(texts))
      refuse(where, fmt::format("\"oneOf\": branches {} and {} may both hold, which is not "
                                "supported; anyOf is",
                                both->first, both->second));
  }

  // ---- values ----

  std::string values(const Json& schema, const std::string& where) {
    Json allowed = schema.contains("const") ? Json::array({schema["const"]}) : schema["enum"];
    if (!allowed.is_array()) return refuse(where, "\"enum\" must be a list");
    for (const auto& [key, value] : schema.items())
      if (key != "const" && key != "enum" && key != "type" && !is_schema_annotation(key))
        return refuse(where, fmt::format("\"{}\" beside listed values is not supported", key));
    const std::vector<std::string> types = types_of(schema, where);
    std::string out;
    const bool narrowed = schema.contains("const") && schema.contains("enum");
    for (const Json& value : allowed) {
      const bool listed =
          !narrowed || std::ranges::find(schema["enum"], value) != schema["enum"].end();
      if (listed && std::ranges::any_of(types, [&](const auto& t) { return fits_type(value, t); }))
        out += (out.empty() ? "" : " | ") + gbnf_literal(value.dump());
    }
    return out.empty() ? refuse(where, "no listed value is allowed") : text_.add(where, out);
  }

  // As written, or those that the keywords are about, or all.
  std::vector<std::string> types_of(const Json& schema, const std::string& where) {
    std::vector<std::string> out;
    if (const auto type = schema.find("type"); type != schema.end()) {
      for (const Json& each : type->is_array() ? *type : Json::array({*type})) {
        if (!each.is_string() || !schema_keywords_by_type().contains(each.get<std::string>())) {
          refuse(where, "\"type\" is unknown");
          return {};
        }
        out.push_back(each.get<std::string>());
      }
      if (out.empty()) refuse(where, "\"type\" allows nothing");
      return out;
    }
    for (const auto& [type, keywords] : schema_keywords_by_type())
      if (std::ranges::any_of(keywords, [&](const auto& key) { return schema.contains(key); }))
        out.push_back(type);
    if (out.empty())
      for (const auto& [type, keywords] : schema_keywords_by_type()) out.push_back(type);
    return out;
  }

  std::string visit_types(const Json& schema, const std::string& where, int depth) {
    const auto types = types_of(schema, where);
    if (error_) return {};
    if (!schema.contains("type") && types.size() == schema_keywords_by_type().size())
      return text_.json("value");
    std::string out;
    for (const std::string& type : types) {
      if (type == "integer" && std::ranges::find(types, "number") != types.end()) continue;
      out += (out.empty() ? "" : " | ") + visit_type(schema, type, where, depth);
    }
    return text_.add(where, out);
  }

  std::string visit_type(const Json& schema, const std::string& type, const std::string& where,
                         int depth) {
    if (type == "object") return object(schema, where, depth);
    if (type == "array") return array(schema, where, depth);
    if (type == "string") return string(schema, where);
    if (type == "number" || type == "integer") return number(schema, type == "integer", where);
    return text_.json(type);
  }

  std::optional<std::size_t> count(const Json& schema, const char* key, const std::string& where) {
    const auto it = schema.find(key);
    if (it == schema.end()) return std::nullopt;
    if (!it->is_number_integer() || *it < 0) {
      refuse(where, fmt::format("\"{}\" must be a whole number from 0", key));
    } else if (*it > Grammar::kMaxRepeat) {
      refuse(where, fmt::format("\"{}\" is more than {}", key, Grammar::kMaxRepeat));
    } else {
      return it->get<std::size_t>();
    }
    return std::nullopt;
  }

  std::string string(const Json& schema, const std::string& where) {
    const auto least = count(schema, "minLength", where), most = count(schema, "maxLength", where);
    StringRule rule{.least = least, .most = most, .pattern = {}, .format = {}};
    for (const auto& [key, out] : {std::pair{"pattern", &rule.pattern}, {"format", &rule.format}}) {
      const auto it = schema.find(key);
      if (it == schema.end()) continue;
      if (!it->is_string()) return refuse(where, fmt::format("\"{}\" must be a text", key));
      *out = it->get<std::string>();
    }
    auto body = string_rule(rule, text_);
    return body ? *body : refuse(where, body.error().what);
  }

  std::string number(const Json& schema, bool integer, const std::string& where) {
    Json bounds = Json::object();
    for (const std::string& key : schema_keywords_by_type().at("number"))
      if (schema.contains(key)) bounds[key] = schema[key];
    if (bounds.empty()) return text_.json(integer ? "integer" : "number");
    auto rule = number_rule(bounds.dump(), integer);
    return rule ? *rule : refuse(where, rule.error().what);
  }

  std::string array(const Json& schema, const std::string& where, int depth) {
    ArrayRule rule;
    rule.least = count(schema, "minItems", where).value_or(0);
    rule.most = count(schema, "maxItems", where).value_or(kNoLimit);
    if (const auto prefix = schema.find("prefixItems"); prefix != schema.end()) {
      if (!prefix->is_array()) return refuse(where, "\"prefixItems\" must be a list");
      for (std::size_t i = 0; i < prefix->size() && i < rule.most && !error_; ++i)
        rule.prefix.push_back(
            visit((*prefix)[i], place_under(where, fmt::format("prefixItems/{}", i)), depth + 1));
    }
    const Json items = schema.value("items", Json(true));
    if (items == Json(false)) {
      rule.most = std::min(rule.most, rule.prefix.size());
    } else if (rule.most > rule.prefix.size()) {
      rule.items = visit(items, place_under(where, "items"), depth + 1);
    }
    if (rule.least > rule.most) return refuse(where, "no array is long and short enough");
    return error_ ? std::string() : array_rule(rule, text_);
  }

  std::string object(const Json& schema, const std::string& where, int depth) {
    const Json properties = schema.value("properties", Json::object());
    const Json required = schema.value("required", Json::array());
    if (!properties.is_object() || !required.is_array())
      return refuse(where, "\"properties\" must be an object, \"required\" a list");
    const bool bare = properties.empty() && required.empty();
    const Json more = schema.value("additionalProperties", Json(bare));
    if (!charge(properties.size() * required.size(), where)) return {};
    ObjectRule rule;
    std::set<std::string> required_names;
    for (const Json& name : required) {
      if (!name.is_string()) return refuse(where, "\"required\" must hold names");
      required_names.insert(name.get<std::string>());
    }
    const auto is_required = [&](const std::string& name) { return required_names.contains(name); };
    for (const auto& [name, value] : properties.items()) {
      if (value == Json(false) && !is_required(name)) continue;
      rule.properties.push_back({name,
                                 visit(value, place_under(where, "properties/" + name), depth + 1),
                                 is_required(name)});
    }
    std::set<std::string> known;
    for (const auto& [name, value] : properties.items()) known.insert(name);
    std::set<std::string> placed;
    for (const Json& each : required) {
      const auto name = each.get<std::string>();
      if (known.contains(name) || !placed.insert(name).second) continue;
      // Nothing but additionalProperties is said of it.
      const Json open = schema.value("additionalProperties", Json(true));
      rule.properties.push_back(
          {name, visit(open, place_under(where, "additionalProperties"), depth + 1), true});
    }
    if (more != Json(false))
      rule.others = visit(more, place_under(where, "additionalProperties"), depth + 1);
    rule.known.assign(known.begin(), known.end());
    if (error_) return {};
    auto body = object_rule(rule, text_, where);
    return body ? *body : refuse(where, body.error().what);
  }

  const Json& root_;
  GbnfText text_;
  std::map<std::string, std::string> references_;  // place to rule
  std::size_t work_ = 0;
  std::optional<Error> error_;
};

}  // namespace

Result<std::shared_ptr<const Grammar>> grammar_of_json_schema(std::string_view schema) {
  if (schema.size() > Grammar::kMaxText)
    return fail(ErrorKind::unsupported, "the JSON schema is too large",
                fmt::format("at most {} bytes are read", Grammar::kMaxText), "make it smaller");
  if (const auto excess = json_excess(schema); !excess.empty())
    return fail(ErrorKind::unsupported, fmt::format("the JSON schema {}", excess),
                fmt::format("at most {} levels and some 16000 members are read", kMaxJsonNesting),
                "make it smaller");
  try {
    const Json root = Json::parse(schema);
    SchemaCompiler compiler(root);
    const auto text = compiler.compile();
    if (!text) return fail(text.error());
    std::string rule;
    auto grammar = Grammar::parse(*text, &rule);
    if (!grammar) return fail(compiler.in_schema(grammar.error(), rule));
    return grammar;
  } catch (const Json::parse_error& e) {
    return fail(ErrorKind::invalid_input, "the JSON schema is not JSON",
                fmt::format("at byte {}", e.byte > 0 ? e.byte - 1 : 0), "correct the schema");
  } catch (const Json::exception& e) {  // text that is not UTF-8 in an escape, say
    return fail(ErrorKind::invalid_input, "the JSON schema cannot be read", e.what());
  }
}

}  // namespace pennyweight::llm
