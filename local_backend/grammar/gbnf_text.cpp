#include "local_backend/grammar/gbnf_text.h"

#include <span>
#include <vector>

#include <fmt/format.h>

#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

struct JsonRule {
  std::string_view name, body;
  std::vector<std::string_view> uses;
};

// RFC 8259, so narrow that any reader takes it: no lone surrogates, numbers that neither overflow a
// double nor lose digits of an integer, and white space that cannot go on for ever.
const std::vector<JsonRule>& json_rules() {
  static const std::vector<JsonRule> rules = {
      {"value",
       "object | array | string | number | boolean | null",
       {"object", "array", "string", "number", "boolean", "null"}},
      {"object", R"("{" ws (member ("," ws member)*)? "}")", {"member", "ws"}},
      {"member", R"(string ":" ws value ws)", {"string", "value", "ws"}},
      {"array", R"("[" ws (value ws ("," ws value ws)*)? "]")", {"value", "ws"}},
      {"string", R"("\"" char* "\"")", {"char"}},
      {"char", R"([^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" unit))", {"unit"}},
      {"unit",
       R"([0-9a-ce-fA-CE-F] hex{3} | [dD] [0-7] hex{2})"
       R"( | [dD] [89abAB] hex{2} "\\u" [dD] [c-fC-F] hex{2})",
       {"hex"}},
      {"hex", "[0-9a-fA-F]", {}},
      {"number", R"(integer ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,2})?)", {"integer"}},
      {"integer", R"("-"? ("0" | [1-9] [0-9]{0,15}))", {}},
      {"boolean", R"("true" | "false")", {}},
      {"null", R"("null")", {}},
      {"ws", R"(" "? | "\n" [ \t]{0,20})", {}},
  };
  return rules;
}

std::string in_class(char32_t c) {
  if (c < 0x20 || c == 0x7F) return fmt::format("\\x{:02X}", static_cast<unsigned>(c));
  std::string out;
  if (c < 0x80 && std::string_view("\\[]-^\"").find(static_cast<char>(c)) != std::string_view::npos)
    out += '\\';
  if (c >= 0xD800 && c <= 0xDFFF) return fmt::format("\\u{:04X}", static_cast<unsigned>(c));
  append_utf8(out, c);
  return out;
}

}  // namespace

std::string gbnf_literal(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02X}", byte);
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string gbnf_class(const CharClass& characters) {
  std::string out = "[";
  for (const auto& [first, last] : characters.ranges()) {
    out += in_class(first);
    if (last != first) out += "-" + in_class(last);
  }
  return out + "]";
}

std::string gbnf_repeat(std::string_view item, std::size_t least, std::size_t most) {
  if (most == kNoLimit) return fmt::format("{}{{{},}}", item, least);
  return fmt::format("{}{{{},{}}}", item, least, most);
}

std::string GbnfText::reserve(std::string_view wish) {
  std::string name;
  for (const char c : wish.substr(0, 60)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || (!name.empty() && name.back() != '-')) name += plain ? c : '-';
  }
  if (name.empty()) name = "rule";
  const auto taken = [&](const std::string& n) {
    for (const JsonRule& rule : json_rules())
      if (rule.name == n) return true;
    return names_.contains(n);
  };
  std::string free = name;
  for (std::size_t i = names_.size(); taken(free); ++i) free = fmt::format("{}-{}", name, i);
  names_.insert(free);
  wishes_.emplace(free, wish.substr(0, wish.find(kPart)));
  return free;
}

std::string GbnfText::wish_of(const std::string& name) const {
  const auto known = wishes_.find(name);
  return known == wishes_.end() ? name : known->second;
}

void GbnfText::define(const std::string& name, std::string_view body) {
  text_ += fmt::format("{} ::= {}\n", name, body);
}

std::string GbnfText::add(std::string_view wish, const std::string& body) {
  const auto known = by_body_.find(body);
  if (known != by_body_.end()) return known->second;
  const std::string name = reserve(wish);
  define(name, body);
  by_body_.emplace(body, name);
  return name;
}

std::string GbnfText::json(std::string_view name) {
  for (const JsonRule& rule : json_rules()) {
    if (rule.name != name || !known_.emplace(name).second) continue;
    define(std::string(name), rule.body);
    for (const auto used : rule.uses) json(used);
  }
  return std::string(name);
}

}  // namespace pennyweight::llm
