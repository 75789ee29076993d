#include "runners/json_reader.h"

#include <string>

#include "runners/surrogates.h"
#include "tests/test.h"

using namespace pennyweight;

TEST_CASE("paths find what is there, and what is not is empty") {
  const auto json = JsonReader::read(R"({"a":[{"b":"x"},7],"n":null,"big":1e99,"s/t":true})");
  REQUIRE(json);
  CHECK(json->text("/a/0/b") == "x");
  CHECK(json->integer("/a/1") == 7);
  CHECK(json->has("/s~1t"));
  CHECK_FALSE(json->has("/n"));
  for (const auto* path : {"/a/0/c", "/a/9", "/a/-", "/x", "/a/0/b/c", "/n/x", "a", "/"}) {
    CHECK_FALSE(json->text(path));
    CHECK_FALSE(json->integer(path));
    CHECK_FALSE(json->has(path));
  }
  CHECK_FALSE(json->integer("/a/0/b"));
  CHECK_FALSE(json->integer("/big"));
  CHECK_FALSE(json->text("/a/1"));
}

TEST_CASE("only one whole document is JSON") {
  for (const auto* bad : {"", " ", "{", "{}x", "{} {}", "[1,]", "nul", "\"\xff\"", "\"\\ud8\""})
    CHECK_FALSE(JsonReader::read(bad));
  for (const auto* good : {"{}", " [] ", "7", "null", "\"\""}) CHECK(JsonReader::read(good));
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  CHECK_FALSE(JsonReader::read(deep));
}

TEST_CASE("a character cut into halves by its server is whole again when the pieces are joined") {
  const auto text = [](const std::string& json) {
    const auto read = JsonReader::read(json);
    REQUIRE(read);
    return read->text("").value();
  };
  const std::string first = text(R"("a \ud83d")"), second = text(R"("\uDE42 b")");
  CHECK(first == "a \xED\xA0\xBD");
  CHECK(join_surrogates(first + second) == "a 🙂 b");
  CHECK(text(R"("\ud83d\ude42 \ud83d")") == "🙂 \xED\xA0\xBD");  // a whole pair beside a half
  CHECK(text(R"("\\ud83d \ud83d")") ==
        "\\ud83d \xED\xA0\xBD");  // an escaped backslash is no escape
  CHECK(text(R"("\ude42\ud83d")") ==
        "\xED\xB9\x82\xED\xA0\xBD");  // the wrong way round: two halves
  CHECK(join_surrogates("\xED\xB9\x82\xED\xA0\xBD") == "\xED\xB9\x82\xED\xA0\xBD");
  CHECK(join_surrogates("한글 \xED\x95\x9C\xED") == "한글 \xED\x95\x9C\xED");  // U+D55C is no half
  CHECK(text(R"("\udbff")") + text(R"("\udfff")") == "\xED\xAF\xBF\xED\xBF\xBF");
  CHECK(join_surrogates("\xED\xAF\xBF\xED\xBF\xBF") == "\xF4\x8F\xBF\xBF");
}
