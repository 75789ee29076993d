// Schemas that come from anybody's request or task set: each is read or refused at once, with
// neither the stack nor the time running out.
#include <chrono>
#include <string>

#include "local_backend/grammar/json_schema.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

std::string listed(int count, const std::string& before, const std::string& after) {
  std::string out;
  for (int i = 0; i < count; ++i) out += (i > 0 ? "," : "") + before + std::to_string(i) + after;
  return out;
}

// What is wrong with a schema; that it took long is wrong too.
std::string refusal(const std::string& schema) {
  const auto start = std::chrono::steady_clock::now();
  const auto grammar = grammar_of_json_schema(schema);
  const auto took = std::chrono::steady_clock::now() - start;
  INFO(schema.substr(0, 200));
  CHECK(took < std::chrono::seconds(10));  // with a sanitizer on a busy machine
  return grammar ? "" : grammar.error().what;
}

TEST_CASE("a reference that leads back to itself beside other keywords is refused") {
  for (const char* schema :
       {R"({"$ref":"#","type":"object"})",
        R"({"$defs":{"a":{"$ref":"#/$defs/b","minLength":1},
                     "b":{"$ref":"#/$defs/a","maxLength":3}},"$ref":"#/$defs/a"})",
        R"({"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"$ref":"#/$defs/a","title":"a"}}})",
        R"({"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"$ref":"#/$defs/a","minLength":1}}})"}) {
    INFO(schema);
    CHECK(refusal(schema).find("\"$ref\" leads back to itself") != std::string::npos);
  }
}

TEST_CASE("many alternatives are compared soon or refused") {
  CHECK(refusal("{\"oneOf\":[" + listed(300, R"({"const":)", "}") + "]}").empty());
  CHECK(refusal("{\"oneOf\":[" + listed(19'000, R"({"const":)", "}") + "]}") ==
        "JSON schema, #: the schema is too large");
}

TEST_CASE("long lists of values are read soon, and merged soon") {
  CHECK(refusal("{\"enum\":[" + listed(40'000, "", "") + "]}").empty());
  const std::string small = "{\"enum\":[" + listed(100, "", "") + "]}";
  CHECK(refusal("{\"allOf\":[" + small + "," + small + ",{\"enum\":[7]}]}").empty());
  const std::string large = "{\"enum\":[" + listed(60'000, "", "") + "]}";
  CHECK(refusal("{\"allOf\":[" + large + ",{\"enum\":[" + listed(60'000, "1", "") + "]}]}").empty());
}

TEST_CASE("a keyword beside many alternatives is merged with each soon or refused") {
  const std::string properties =
      "\"properties\":{" + listed(4'000, "\"k", R"(":{"type":"string"})") + "}";
  CHECK(refusal("{" + properties + ",\"anyOf\":[" + listed(4'000, R"({"required":["k)", "\"]}") +
                "]}")
            .find("the schema is too large") != std::string::npos);
}

TEST_CASE("names are looked up among the required ones soon or refused") {
  const std::string names = listed(15'000, "\"k", R"(":false)"),
                    required = listed(15'000, "\"z", "\"");
  CHECK(refusal(R"({"type":"object","properties":{)" + names + R"(},"required":[)" + required +
                "]}") == "JSON schema, #: the schema is too large");
}

TEST_CASE("a long name above many schemas and a long pattern are refused soon") {
  CHECK(refusal(R"({"properties":{")" + std::string(300'000, 'p') + R"(":{"properties":{)" +
                listed(15'000, "\"k", R"(":{"type":"null"})") + "}}}}")
            .find("a grammar of") != std::string::npos);
  std::string pattern;
  for (int i = 0; i < 200'000; ++i) pattern += "[^a]";
  CHECK(refusal(R"({"pattern":")" + pattern + "\"}") ==
        "JSON schema, #: \"pattern\": more than 1048576 bytes of rules is not supported");
}

TEST_CASE("a schema is refused by its size before it is read") {
  CHECK(refusal("{\"description\":\"" + std::string(1 << 20, 'x') + "\"}") ==
        "the JSON schema is too large");
  CHECK(refusal("{\"properties\":{" + listed(40'000, "\"k", R"(":false)") + "}}") ==
        "the JSON schema has too many members in one object");
}

}  // namespace
}  // namespace pennyweight::llm::test
