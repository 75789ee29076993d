#include "local_backend/json_excess.h"

#include <string>

#include "tests/test.h"

namespace pennyweight::llm {
namespace {

std::string object(int members) {
  std::string out = "{";
  for (int i = 0; i < members; ++i) out += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":0";
  return out + "}";
}

TEST_CASE("JSON is refused where a reader would run out of stack") {
  CHECK(json_excess(std::string(256, '[')).empty());
  CHECK(json_excess(std::string(257, '[')) == "nests too deep");
  CHECK(json_excess(std::string(300, '}') + std::string(256, '{')).empty());
  CHECK(json_excess("\"" + std::string(300, '[') + "\\\"" + std::string(300, '[') + "\"").empty());
}

TEST_CASE("JSON is refused where a reader would compare names for minutes") {
  CHECK(json_excess(object(16'000)).empty());
  CHECK(json_excess(object(17'000)) == "has too many members in one object");
  CHECK(json_excess("{\"a\":" + object(10'000) + ",\"b\":" + object(10'000) + "}").empty());
  std::string many = "[";
  for (int i = 0; i < 50; ++i) many += object(5'000) + ",";
  CHECK_FALSE(json_excess(many).empty());
  CHECK(json_excess("[" + std::string(1 << 20, ':')) == "has too many members in one object");
}

}  // namespace
}  // namespace pennyweight::llm
