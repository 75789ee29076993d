#include <cmath>
#include <limits>

#include "metrics/base/text_template.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

std::string round_trip(std::string_view json, JsonStyle style = JsonStyle::compact) {
  const auto value = parse_json(json);
  return value ? to_json(*value, style) : value.error().what;
}

TEST_CASE("JSON keeps the order of its keys, and the kind of its numbers") {
  const char* const same =
      GENERATE("null", "true", "[]", "{}", R"({"b":1,"a":[1.0,-2,"x",null,false]})", "\"한글 😀\"",
               "9223372036854775807", "-9223372036854775808", "1e-07", "0.1", "-0.0");
  CHECK(round_trip(same) == same);
  CHECK(round_trip(" { \"a\" : [ 1 , 2 ] } ") == R"({"a":[1,2]})");
  CHECK(round_trip(R"("\u00e9\ud83d\ude00\n\/")") == "\"é😀\\n/\"");
  CHECK(parse_json("1")->integer() != nullptr);
  CHECK(parse_json("1.0")->real() != nullptr);
  CHECK(parse_json("18446744073709551615")->real() != nullptr);
}

TEST_CASE("canonical JSON sorts keys at every depth") {
  CHECK(round_trip(R"({"b":{"d":1,"c":2},"a":0,"B":0})", JsonStyle::canonical) ==
        R"({"B":0,"a":0,"b":{"c":2,"d":1}})");
}

TEST_CASE("indented JSON is for people") {
  CHECK(round_trip(R"({"a":[1,{}],"b":[]})", JsonStyle::indented) ==
        "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

TEST_CASE("what JSON cannot say is made sayable") {
  CHECK(to_json(Value(std::nan(""))) == "null");
  CHECK(to_json(Value(std::numeric_limits<double>::infinity())) == "null");
  CHECK(to_json(Value("\x01\"\\\x7f\xff")) == "\"\\u0001\\\"\\\\\x7f\xEF\xBF\xBD\"");
}

TEST_CASE("malformed JSON is an error that names the byte") {
  const auto at = [](std::string_view json) {
    const auto value = parse_json(json);
    return value ? std::string() : value.error().what;
  };
  CHECK(at(R"({"a":1,"a":2})") == "malformed JSON at byte 9");
  CHECK(at("[1,]") == "malformed JSON at byte 3");
  CHECK(at("") == "malformed JSON at byte 0");
  CHECK(at("[1] 2") == "malformed JSON at byte 4");
  CHECK(at("\"\xff\"") == "malformed JSON at byte 1");
  for (const char* const bad : {"nan", "01", "1.", "'a'", "{a:1}", "[1,2", "\"\\ud800\"", "1e999",
                                "// c\n1", "\"\t\"", "+1", "tru", "\xEF\xBB"}) {
    CAPTURE(bad);
    CHECK_FALSE(at(bad).empty());
  }
  CHECK(parse_json(R"({"a":1,"a":2})").error().why == "the key \"a\" is there twice");
}

TEST_CASE("depth is limited") {
  CHECK(parse_json(std::string(100, '[') + std::string(100, ']')));
  CHECK_FALSE(parse_json(std::string(101, '[') + std::string(101, ']')));
  CHECK_FALSE(parse_json(std::string(1'000'000, '[')));
}

TEST_CASE("every truncation of a document fails cleanly") {
  const std::string whole = R"({"a":[1,2.5e3,"x\u00e9",null,true],"b":{"c":"한"}})";
  REQUIRE(parse_json(whole));
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(parse_json(whole.substr(0, n)));
}

TEST_CASE("values are maps when set, and found by key") {
  Value value;
  value.set("a", 1);
  value.set("b", "x");
  value.set("a", 2);
  CHECK(to_json(value) == R"({"a":2,"b":"x"})");
  CHECK(*value.find("a")->integer() == 2);
  CHECK(value.find("c") == nullptr);
  CHECK(Value("text").find("a") == nullptr);
}

}  // namespace
}  // namespace pennyweight
