#include "local_backend/grammar/object_rules.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

using CodePoints = std::vector<char32_t>;

constexpr std::size_t kLongestName = 256;

// A name's characters where names may be of any other word: without escapes, so that no two
// spellings are the same name.
constexpr std::string_view kPlain = R"([^"\\\x00-\x1F\x7F])";

// Texts that are none of `names`, from their character `depth` on, where all are alike so far.
std::string none_of(const std::vector<CodePoints>& names, std::size_t depth) {
  std::map<char32_t, std::vector<CodePoints>> by_next;
  bool ends = false;
  for (const CodePoints& name : names) {
    if (name.size() == depth) {
      ends = true;
    } else {
      by_next[name[depth]].push_back(name);
    }
  }
  std::vector<CharClass::Range> taken = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {0x7F, 0x7F}};
  std::string out = ends ? "(" : "(\"\" | ";
  for (const auto& [c, rest] : by_next) {
    std::string character;
    append_utf8(character, c);
    out += gbnf_literal(character) + " " + none_of(rest, depth + 1) + " | ";
    taken.push_back({c, c});
  }
  return out + fmt::format("{} {}*)", gbnf_class(CharClass(taken, true)), kPlain);
}

Result<std::string> other_name(const ObjectRule& rule) {
  std::vector<CodePoints> names;
  const auto add = [&](const std::string& name) {
    const bool plain = std::ranges::none_of(name, [](char c) {
      return c == '"' || c == '\\' || c == '\x7F' || static_cast<unsigned char>(c) < 0x20;
    });
    if (plain) names.push_back(code_points(name));
  };
  for (const auto& property : rule.properties) add(property.name);
  for (const auto& name : rule.known) add(name);
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (std::ranges::any_of(names, [](const auto& name) { return name.size() > kLongestName; }))
    return fail(ErrorKind::unsupported,
                fmt::format("\"additionalProperties\" beside a name of more than {} characters",
                            kLongestName));
  return "\"\\\"\" " + none_of(names, 0) + " \"\\\"\"";
}

std::string quoted(const std::string& name) {
  return nlohmann::json(name).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

// From the last property to the first: `first` is what may follow the brace, `more` what may follow
// a property.
Result<std::string> object_rule(const ObjectRule& rule, GbnfText& text, std::string_view wish) {
  const std::string ws = text.json("ws"), place = std::string(wish) + GbnfText::kPart;
  std::string first = "\"\"", more = "\"\"";
  if (!rule.others.empty()) {
    auto name = other_name(rule);
    if (!name) return name;
    const std::string member =
        text.add(place + "other", fmt::format("{} \":\" {} ({}) {}", *name, ws, rule.others, ws));
    more = text.add(place + "others", fmt::format("(\",\" {} {})*", ws, member));
    first = text.add(place + "others", fmt::format("({} {})?", member, more));
  }
  for (auto it = rule.properties.rbegin(); it != rule.properties.rend(); ++it) {
    const std::string member = text.add(
        place + it->name,
        fmt::format("{} {} ({}) {}", gbnf_literal(quoted(it->name) + ":"), ws, it->value, ws));
    const std::string begin = fmt::format("{} {}", member, more);
    first = text.add(place + "first", it->required ? begin : fmt::format("{} | {}", begin, first));
    more =
        text.add(place + "more", it->required ? fmt::format("\",\" {} {}", ws, begin)
                                              : fmt::format("(\",\" {} {})? {}", ws, member, more));
  }
  return fmt::format("\"{{\" {} {} \"}}\"", ws, first);
}

std::string array_rule(const ArrayRule& rule, GbnfText& text) {
  const std::string ws = text.json("ws");
  const std::size_t most = rule.most, prefix = rule.prefix.size();
  const auto item = [&](const std::string& value) { return fmt::format("({}) {}", value, ws); };
  const auto after_comma = [&](const std::string& value) {
    return fmt::format("(\",\" {} {})", ws, item(value));
  };
  const auto fewer = [](std::size_t n, std::size_t less) { return n > less ? n - less : 0; };
  if (most == 0) return fmt::format("\"[\" {} \"]\"", ws);
  // What follows the prefix, or the first item where there is none.
  const std::size_t begun = std::max<std::size_t>(prefix, 1);
  std::string rest;
  if (most > begun)
    rest = gbnf_repeat(after_comma(rule.items), fewer(rule.least, begun),
                       most == kNoLimit ? kNoLimit : most - begun);
  for (std::size_t i = prefix; i-- > 1;) {
    rest = after_comma(rule.prefix[i]) + " " + rest;
    if (i >= rule.least) rest = "(" + rest + ")?";
    rest = text.add("items", rest);
  }
  std::string all = item(prefix > 0 ? rule.prefix[0] : rule.items) + " " + rest;
  if (rule.least == 0) all = "(" + all + ")?";
  return fmt::format("\"[\" {} {} \"]\"", ws, all);
}

}  // namespace pennyweight::llm
