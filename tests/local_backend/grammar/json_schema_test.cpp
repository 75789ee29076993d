#include "local_backend/grammar/json_schema.h"

#include <string>
#include <vector>

#include "local_backend/grammar/grammar_matcher.h"
#include "tests/local_backend/grammar/schema_check.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

std::shared_ptr<const Grammar> grammar_of(const std::string& schema) {
  auto grammar = grammar_of_json_schema(schema);
  INFO(schema << "\n" << (grammar ? "" : grammar.error().what));
  REQUIRE(grammar);
  return *grammar;
}

bool matches(const Grammar* grammar, std::string_view text) {
  GrammarMatcher matcher(std::shared_ptr<const Grammar>(std::shared_ptr<void>(), grammar));
  auto state = matcher.start();
  for (const char byte : text) state = matcher.next(state, static_cast<std::uint8_t>(byte));
  return matcher.complete(state);
}

void check_texts(const std::string& schema, const std::vector<std::string>& valid,
                 const std::vector<std::string>& invalid) {
  const auto grammar = grammar_of(schema);
  for (const auto& text : valid) {
    INFO(schema << " should allow " << text);
    CHECK(matches(grammar.get(), text));
  }
  for (const auto& text : invalid) {
    INFO(schema << " should not allow " << text);
    CHECK_FALSE(matches(grammar.get(), text));
  }
}

std::string refusal(const std::string& schema) {
  const auto grammar = grammar_of_json_schema(schema);
  return grammar ? "" : grammar.error().what;
}

// A text of the grammar, each byte drawn among the legal ones.
std::string random_text(const std::shared_ptr<const Grammar>& grammar, Random& random) {
  GrammarMatcher matcher(grammar);
  auto state = matcher.start();
  std::string text;
  while (!matcher.ended(state)) {
    if (matcher.complete(state) && random.below(3) == 0) break;
    std::string legal, closing;
    for (int byte = 0; byte < 256; ++byte) {
      if (matcher.next(state, static_cast<std::uint8_t>(byte)) == GrammarMatcher::kDead) continue;
      legal += static_cast<char>(byte);
      if (byte == '"' || byte == ']' || byte == '}') closing += static_cast<char>(byte);
    }
    REQUIRE_FALSE(matcher.overflowed());
    REQUIRE_FALSE(legal.empty());
    const std::string& among = text.size() > 500 && !closing.empty() ? closing : legal;
    text += among[random.below(among.size())];
    state = matcher.settle(matcher.next(state, static_cast<std::uint8_t>(text.back())));
  }
  return text;
}

}  // namespace

TEST_CASE("an object's properties come in order, the optional ones may be missing") {
  check_texts(R"s({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"},
                   "c":{"type":"boolean"}},"required":["b"]})s",
              {R"({"b":null})", R"({"a":1,"b":null,"c":true})", R"({ "a": 12, "b":null})",
               "{\n  \"b\": null, \"c\":false\n}"},
              {"{}", R"({"a":1})", R"({"b":null,"a":1})", R"({"b":null,"d":1})",
               R"({"a":01,"b":null})", R"({"b":null,})", R"({"b":1})"});
  check_texts(R"({"type":"object","properties":{"a":{},"b":{}}})",
              {"{}", R"({"a":[{"x":1.5e3}]})", R"({"b":"\u00e9"})", R"({"a":1,"b":2})"},
              {R"({"a":1"b":2})", R"({,"b":2})"});
}

TEST_CASE("additional properties have other names than those of the schema") {
  const std::string schema = R"s({"type":"object","properties":{"ab":{"type":"null"}},
      "additionalProperties":{"type":"integer"}})s";
  check_texts(schema,
              {"{}", R"({"ab":null,"x":1})", R"({"a":1,"abc":2,"":3,"가":4})", R"({"b":1})"},
              {R"({"ab":1})", R"({"x":1,"ab":null})", R"({"x":null})", R"({"\u0061b":1})"});
  check_texts(R"({"type":"object"})", {"{}", R"({"any":{"thing":[]}})"}, {"[]"});
  check_texts(R"({"type":"object","additionalProperties":false})", {"{}"}, {R"({"a":1})"});
  check_texts(R"({"type":"object","required":["x"],"additionalProperties":{"type":"null"}})",
              {R"({"x":null})", R"({"x":null,"y":null})"}, {"{}", R"({"x":1})"});
}

TEST_CASE("arrays have the lengths and the leading items that the schema says") {
  check_texts(R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})",
              {"[1,2]", "[1, 2,3]"}, {"[]", "[1]", "[1,2,3,4]", "[1,2,]", "[1 2]"});
  check_texts(R"({"type":"array","prefixItems":[{"type":"null"},{"type":"boolean"}],
                  "items":{"type":"integer"},"maxItems":3})",
              {"[]", "[null]", "[null,true]", "[null,true,1]"},
              {"[true]", "[null,1]", "[null,true,1,2]", "[null,true,false]"});
  check_texts(R"({"prefixItems":[{"type":"null"}],"items":false,"minItems":1})", {"[null]"},
              {"[]", "[null,null]"});
  check_texts(R"({"type":"array","items":{},"maxItems":0})", {"[]"}, {"[1]"});
}

TEST_CASE("numbers stay between their bounds") {
  for (const auto& [low, high] : std::vector<std::pair<int, int>>{
           {0, 0}, {0, 9}, {7, 123}, {99, 1001}, {-5, 5}, {-120, -7}, {-1, 0}, {10, 10}, {5, 70}}) {
    const auto bounds =
        "\"minimum\":" + std::to_string(low) + ",\"maximum\":" + std::to_string(high) + "}";
    const auto integer = grammar_of("{\"type\":\"integer\"," + bounds);
    const auto number = grammar_of("{\"type\":\"number\"," + bounds);
    const auto inside =
        grammar_of("{\"type\":\"integer\",\"exclusiveMinimum\":" + std::to_string(low - 1) +
                   ",\"exclusiveMaximum\":" + std::to_string(high + 1) + "}");
    for (int i = -1200; i <= 1200; ++i) {
      const std::string text = std::to_string(i);
      const bool fits = i >= low && i <= high;
      INFO(low << " to " << high << ": " << text);
      REQUIRE(matches(integer.get(), text) == fits);
      REQUIRE(matches(inside.get(), text) == fits);
      REQUIRE(matches(number.get(), text) == fits);
      const double half = i < 0 || text == "-0" ? i - 0.5 : i + 0.5;
      REQUIRE(matches(number.get(), text + ".5") == (half >= low && half <= high));
    }
  }
  check_texts(R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})",
              {"0.5", "0.001", "0.10000001"}, {"0", "1", "0.0", "1.0", "-0.5", "2"});
  check_texts(R"({"type":"number"})", {"0", "-1.5e-3", "1E+9"}, {"01", ".5", "1.", "+1", "1e400"});
  check_texts(R"({"type":"integer","minimum":1.5})", {"2", "1000000000"}, {"1", "-1", "2.0"});
}

TEST_CASE("a number bounded on one side is open on the other") {
  check_texts(R"({"type":"number","minimum":0})",
              {"0", "0.5", "1500000000", "3.14159265358979", "1e3", "2.5E-7", "0e0"},
              {"-1", "-0.5", "-1e3", "01"});
  check_texts(R"({"type":"number","exclusiveMinimum":0})",
              {"0.001", "1e-30", "12345678901", "0.5e2"}, {"0", "0.0", "0e5", "-1"});
  check_texts(R"({"type":"number","minimum":18})",
              {"18", "18.0", "18e2", "19.5", "123456789012345", "100E+3"},
              {"17", "17.99", "18e-1", "20e-5", "-20", "2"});
  check_texts(R"({"type":"number","exclusiveMinimum":7})", {"7.001", "8", "70", "8e4"},
              {"7", "7.0", "7e0", "6.9"});
  check_texts(R"({"type":"number","maximum":100})",
              {"100", "99.5", "-0.5", "-1500000000", "-3e40", "0", "-1e-5"},
              {"101", "100.5", "1e3", "1e1"});
  check_texts(R"({"type":"number","exclusiveMaximum":0})", {"-0.5", "-1e-9", "-12345678901"},
              {"0", "-0", "-0.0", "0.5", "1"});
  check_texts(R"({"type":"number","maximum":-5})", {"-5", "-5.5", "-6e3", "-1234567890123"},
              {"-4.9", "0", "5", "-6e-3"});
  check_texts(R"({"type":"number","minimum":-2})", {"-2", "-1.5", "0.25", "1e9", "7"},
              {"-2.5", "-3", "-1e1"});
  check_texts(R"({"type":"number","minimum":0,"maximum":1})", {"0.12345678901234", "1.0"},
              {"1.1", "1e0"});
  check_texts(R"({"type":"number","minimum":0,"maximum":3000000000000})", {"1500000000000.25"},
              {"3000000000001"});
}

TEST_CASE("strings have the length, pattern or format of the schema") {
  check_texts(R"({"type":"string","minLength":2,"maxLength":3})",
              {R"("ab")", R"("가나다")", R"("\n\ud83d\ude00")"},
              {R"("a")", R"("abcd")", R"("\ud83d\n")", "\"a\nb\"", R"("\x61b")"});
  check_texts(R"({"type":"string","pattern":"^(\\d{3}-)?[^\\s\"]+\\.(jpg|png)$"})",
              {R"("123-a.jpg")", R"("x.png")", R"("\\.png")"},
              {R"("x.gif")", R"(".png")", R"("a b.png")", R"("12-.png.")"});
  check_texts(R"({"pattern":"^\\ud83d\\ude00[\\ud83d\\ude00-\\ud83d\\ude02]$"})", {"\"😀😁\""},
              {"\"😀\"", "\"😀😃\""});
  check_texts(R"({"pattern":"^\"$"})", {R"("\"")"}, {R"(""")"});
  check_texts(R"({"type":"string","pattern":"b"})", {R"("b")", R"("\nabc")"}, {R"("a")"});
  check_texts(R"({"type":"string","pattern":"^a|c$"})", {R"("ax")", R"("xc")"}, {R"("xa")"});
  check_texts(R"({"format":"date"})",
              {R"("2024-02-29")", R"("2000-02-29")", R"("2023-12-31")", R"("2023-04-30")"},
              {R"("2023-02-29")", R"("1900-02-29")", R"("2023-04-31")", R"("2023-13-01")",
               R"("2023-00-10")"});
  check_texts(R"({"format":"date-time"})", {R"("2024-01-31T23:59:59.5+09:00")"},
              {R"("2024-01-31T24:00:00Z")", R"("2024-01-31 10:00:00Z")"});
  check_texts(R"({"format":"uuid"})", {R"("123e4567-e89b-12d3-a456-426614174000")"},
              {R"("123e4567e89b12d3a456426614174000")"});
  check_texts(R"({"format":"ipv4"})", {R"("255.0.10.199")"}, {R"("256.0.0.1")", R"("01.1.1.1")"});
  check_texts(R"({"format":"email"})", {R"("a.b+c@ex-ample.org")"}, {R"("a@b")", R"("@b.c")"});
}

TEST_CASE("listed values, alternatives and schemas that must all hold") {
  check_texts(R"({"enum":["a\"b",1,null,{"x":[1]}]})", {R"("a\"b")", "1", "null", R"({"x":[1]})"},
              {R"("a")", "2"});
  check_texts(R"({"type":["string","null"],"enum":["a",1,null]})", {R"("a")", "null"}, {"1"});
  check_texts(R"({"type":["string","integer"],"maxLength":1})", {R"("")", "12"}, {R"("ab")"});
  check_texts(R"({"type":"object","properties":{"a":{},"b":{}},
                  "anyOf":[{"required":["a"]},{"required":["b"]}]})",
              {R"({"a":1})", R"({"b":1})", R"({"a":1,"b":1})"}, {"{}"});
  check_texts(R"s({"allOf":[{"$ref":"#/$defs/n"},{"maximum":5}],"minimum":3,
                   "$defs":{"n":{"type":["number","string"],"minimum":1},"unused":{"not":{}}}})s",
              {"3", "5.0", R"("x")"}, {"2", "6"});
  check_texts(R"({"oneOf":[{"type":"object","properties":{"k":{"const":1}},"required":["k"]},
                           {"type":"object","properties":{"k":{"const":2}},"required":["k"]}]})",
              {R"({"k":1})", R"({"k":2})"}, {R"({"k":3})"});
}

TEST_CASE("references may go in circles as long as text lies between") {
  const std::string tree = R"s({"$ref":"#/$defs/node","$defs":{"node":{"type":"object",
      "properties":{"v":{"type":"integer"},"kids":{"type":"array","items":{"$ref":"#/$defs/node"}}},
      "required":["v"]}}})s";
  check_texts(tree, {R"({"v":1})", R"({"v":1,"kids":[{"v":2,"kids":[]},{"v":3}]})"},
              {R"({"kids":[]})", R"({"v":1,"kids":[1]})"});
  const std::string endless = "nothing that it allows comes to an end";
  CHECK(refusal(R"({"$ref":"#"})") == "JSON schema, #: " + endless);
  CHECK(refusal(R"({"properties":{"a":{"$ref":"#"}},"required":["a"]})") ==
        "JSON schema, #: " + endless);
  CHECK(refusal(R"s({"properties":{"x":{"$ref":"#/$defs/list"}},"$defs":{"list":
            {"type":"array","items":{"$ref":"#/$defs/list"},"minItems":1}}})s") ==
        "JSON schema, #/$defs/list: " + endless);
  check_texts(R"({"properties":{"a":{"$ref":"#"}}})", {"{}", R"({"a":{"a":{}}})"}, {"[]"});
  CHECK(refusal(R"({"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"$ref":"#/$defs/a"}}})") ==
        "JSON schema, #: \"$ref\" leads back to itself");
}

TEST_CASE("what is not supported is refused by name and place, never ignored") {
  CHECK(refusal("{") == "the JSON schema is not JSON");
  CHECK(refusal("false") == "JSON schema, #: false allows nothing");
  CHECK(refusal("3") == "JSON schema, #: a schema is an object, true or false");
  for (const char* key :
       {"not", "if", "patternProperties", "propertyNames", "minProperties", "uniqueItems",
        "contains", "multipleOf", "dependentRequired", "unevaluatedProperties", "maxlength"}) {
    const std::string schema =
        std::string(R"({"properties":{"a":{"type":"string",")") + key + R"(":{}}}})";
    CHECK(refusal(schema) ==
          "JSON schema, #/properties/a: \"" + std::string(key) + "\" is not supported");
  }
  CHECK(refusal(R"({"type":"text"})") == "JSON schema, #: \"type\" is unknown");
  CHECK(refusal(R"({"format":"uri"})") == "JSON schema, #: \"format\": \"uri\" is not supported");
  CHECK(refusal(R"s({"pattern":"a(?=b)"})s") ==
        "JSON schema, #: \"pattern\": an assertion (?...) is not supported");
  CHECK(refusal(R"({"pattern":"a","maxLength":3})") ==
        "JSON schema, #: \"pattern\" beside a length");
  CHECK(refusal(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})") ==
        "JSON schema, #: \"oneOf\": branches 0 and 1 may both hold, which is not supported; anyOf "
        "is");
  CHECK(refusal(R"({"$ref":"other.json"})") ==
        "JSON schema, #: \"$ref\" must be a place in the same schema, such as #/$defs/name");
  CHECK(refusal(R"({"$ref":"#/$defs/x"})") == "JSON schema, #: \"$ref\": there is no #/$defs/x");
  CHECK(refusal(R"({"type":"number","minimum":0.5})") ==
        "JSON schema, #: \"minimum\" must be a whole number");
  CHECK(refusal(R"({"type":"integer","minimum":2,"maximum":1})") ==
        "JSON schema, #: no number lies between the bounds");
  CHECK(refusal(R"({"minLength":2,"maxLength":1})") ==
        "JSON schema, #: no string is long and short enough");
  CHECK(refusal(R"({"type":"array","minItems":2,"maxItems":1})") ==
        "JSON schema, #: no array is long and short enough");
  CHECK(refusal(R"({"required":["a"],"additionalProperties":false})") ==
        "JSON schema, #/additionalProperties: false allows nothing");
  CHECK(refusal(R"({"allOf":[{"type":"string"},{"type":"null"}]})") ==
        "JSON schema, #: \"type\" in two schemas that must both hold");
  CHECK(refusal(R"({"allOf":[{"items":{"type":"integer"}},
                             {"prefixItems":[{"type":"integer"},{"type":"string"}]}]})") ==
        "JSON schema, #: \"items\" in two schemas that must both hold");
  CHECK(refusal(R"({"prefixItems":[{}],"allOf":[{"items":false}]})") ==
        "JSON schema, #: \"items\" in two schemas that must both hold");
  CHECK(refusal(R"({"pattern":"\\ud83d"})") ==
        "JSON schema, #: \"pattern\": one half of a character written as \\u....\\u.... is not "
        "supported");
  CHECK(refusal(R"({"pattern":"a|[^\\s\\S]"})") ==
        "JSON schema, #: \"pattern\": a class that holds no character is not supported");
  CHECK(refusal(R"({"allOf":[{"properties":{"a":{}},"additionalProperties":false},
                             {"properties":{"b":{}}}]})") ==
        "JSON schema, #: \"additionalProperties\" in two schemas that must both hold");
}

TEST_CASE("limits are told in the schema's own words") {
  CHECK(refusal(R"({"properties":{"a":{"maxLength":200000}}})") ==
        "JSON schema, #/properties/a: \"maxLength\" is more than 100000");
  CHECK(refusal(R"({"type":"array","minItems":100001})") ==
        "JSON schema, #: \"minItems\" is more than 100000");
  CHECK(refusal(R"({"pattern":"a{200000}"})") ==
        "JSON schema, #: \"pattern\": a repetition of more than 100000 is not supported");
  CHECK(refusal(R"({"type":"number","minimum":1e17})") ==
        "JSON schema, #: the bounds leave only numbers of more than 15 digits (integers: 18)");
  const std::string name(5000, 'n');
  CHECK(refusal("{\"properties\":{\"" + name + "\":{\"not\":1}}}").size() < 400);
  CHECK(refusal("{\"" + name + "\":1}").size() < 400);
}

TEST_CASE("large schemas take time in proportion, and a bound for what is merged") {
  std::string values = "1";
  for (int i = 2; i < 40'000; ++i) values += "," + std::to_string(i);
  check_texts("{\"enum\":[" + values + "]}", {"39999"}, {"40000"});
  std::string properties, required;
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "\"name" + std::to_string(i) + "\"";
    properties += (i > 0 ? "," : "") + name + ":{\"type\":\"integer\"}";
    required += (i > 0 ? "," : "") + name;
  }
  std::string branches = R"({"$ref":"#/$defs/a"})";
  for (int i = 0; i < 200; ++i) branches += R"(,{"$ref":"#/$defs/a"})";
  CHECK(refusal("{\"allOf\":[" + branches + "],\"$defs\":{\"a\":{\"properties\":{" + properties +
                "},\"required\":[" + required + "]}}}") ==
        "JSON schema, #: the schema is too large");
}

TEST_CASE("any JSON object can be written, and nothing that is none") {
  const auto grammar = json_object_grammar();
  REQUIRE(grammar);
  CHECK(matches(grammar.get(), R"({"a": [1, -2.5e3, {"b": {}}, "\u00e9가", true, null]})"));
  CHECK_FALSE(matches(grammar.get(), "[]"));
  CHECK_FALSE(matches(grammar.get(), R"({"a":"\ud800"})"));
  CHECK_FALSE(matches(grammar.get(), R"({"a":1} )"));
  Random random(3, Stream::synthesis);
  for (int i = 0; i < 100; ++i) {
    const std::string text = random_text(grammar, random);
    INFO(text);
    CHECK(OrderedJson::parse(text, nullptr, false).is_object());
  }
}

TEST_CASE("whatever is written for a schema is valid JSON that the schema allows") {
  Random random(11, Stream::synthesis);
  for (int i = 0; i < 250; ++i) {
    const OrderedJson schema = random_schema(random, 2);
    const auto grammar = grammar_of(schema.dump());
    for (int k = 0; k < 3; ++k) {
      const std::string text = random_text(grammar, random);
      INFO(schema.dump() << "\n" << text);
      const OrderedJson value = OrderedJson::parse(text, nullptr, false);
      REQUIRE_FALSE(value.is_discarded());
      REQUIRE(is_valid(value, schema, schema));
    }
  }
}

TEST_CASE("every beginning of a schema's text is refused as no JSON") {
  const std::string schema = R"({"type":"object","properties":{"a":{"pattern":"^\\d+$"}}})";
  for (std::size_t n = 0; n < schema.size(); ++n)
    CHECK(refusal(schema.substr(0, n)) == "the JSON schema is not JSON");
}

}  // namespace pennyweight::llm::test
