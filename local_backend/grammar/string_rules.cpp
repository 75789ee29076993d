#include "local_backend/grammar/string_rules.h"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "local_backend/grammar/pattern_rules.h"

namespace pennyweight::llm {
namespace {

// RFC 3339 with the lengths of the months and leap years; hours and minutes as there, no leap
// second.
constexpr std::string_view kDate =
    R"(([0-9]{4} "-" (("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01]))"
    R"( | ("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30"))"
    R"( | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])))"
    R"( | ([0-9]{2} ("0" [48] | [2468] [048] | [13579] [26]))"
    R"( | ([02468] [048] | [13579] [26]) "00") "-02-29"))";
constexpr std::string_view kTime =
    R"(([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,9})?)"
    R"( ("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]))";
constexpr std::string_view kByte =
    R"(("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9]{2} | [1-9]? [0-9]))";
constexpr std::string_view kLabel = R"([a-zA-Z0-9] ([a-zA-Z0-9-]{0,61} [a-zA-Z0-9])?)";
constexpr std::string_view kAtom = "[a-zA-Z0-9_+-]{1,30}";

std::string format_body(std::string_view format, GbnfText& text) {
  const auto rule = [&text](const char* name, std::string_view body) {
    return text.add(name, std::string(body));
  };
  if (format == "date") return rule("date", kDate);
  if (format == "time") return rule("time", kTime);
  if (format == "date-time")
    return fmt::format("{} \"T\" {}", rule("date", kDate), rule("time", kTime));
  if (format == "uuid") {
    const std::string hex = text.json("hex");
    return fmt::format("{0}{{8}} (\"-\" {0}{{4}}){{3}} \"-\" {0}{{12}}", hex);
  }
  if (format == "ipv4") {
    const std::string byte = rule("byte", kByte);
    return fmt::format("{0} (\".\" {0}){{3}}", byte);
  }
  if (format == "hostname") {
    const std::string label = rule("label", kLabel);
    return fmt::format("{0} (\".\" {0}){{0,2}}", label);
  }
  if (format == "email") {
    const std::string label = rule("label", kLabel);
    return fmt::format("{0} (\".\" {0}){{0,1}} \"@\" {1} (\".\" {1}){{1,2}}", kAtom, label);
  }
  return {};
}

tl::unexpected<Error> refuse(std::string what) {
  return fail(ErrorKind::unsupported, std::move(what));
}

std::string in_quotes(std::string_view body) {
  return fmt::format(R"("\"" ({}) "\"")", body);
}

}  // namespace

Result<std::string> string_rule(const StringRule& rule, GbnfText& text) {
  const bool sized = rule.least || rule.most;
  if (rule.format) {
    if (sized || rule.pattern) return refuse("\"format\" beside a length or pattern");
    const std::string body = format_body(*rule.format, text);
    if (body.empty())
      return refuse(fmt::format("\"format\": \"{}\" is not supported", *rule.format));
    return in_quotes(body);
  }
  if (rule.pattern) {
    if (sized) return refuse("\"pattern\" beside a length");
    auto body = gbnf_of_pattern(*rule.pattern);
    if (!body) return refuse(fmt::format("\"pattern\": {} is not supported", body.error().what));
    text.json("char");
    return in_quotes(*body);
  }
  if (!sized) return text.json("string");
  const std::size_t least = rule.least.value_or(0), most = rule.most.value_or(kNoLimit);
  if (least > most) return refuse("no string is long and short enough");
  return in_quotes(gbnf_repeat(text.json("char"), least, most));
}

}  // namespace pennyweight::llm
