#include "runners/runner.h"
#include "tests/test.h"

using namespace pennyweight;

namespace {

CellInfo cell(Value generation, const char* seed) {
  CellInfo out;
  out.resolved.set("generation", std::move(generation));
  out.resolved.set("seed", seed);
  out.cell_id = seed;
  return out;
}

}  // namespace

TEST_CASE("a refused resume names what differs, not the order of keys that the store sorted") {
  const CellInfo stored = cell(Value::Map{{"a", 1}, {"b", 2}}, "1");
  const CellInfo now = cell(Value::Map{{"b", 2}, {"a", 1}}, "2");
  const auto compared = compare_cells({stored}, {now});
  REQUIRE_FALSE(compared);
  const std::string text = compared.error().what + compared.error().why;
  CHECK(text.find("seed was \"1\" and is \"2\"") != std::string::npos);
  CHECK(text.find("generation") == std::string::npos);
}

TEST_CASE("a resume with another repeat is refused with the reason") {
  CellInfo stored = cell(Value::Map{{"a", 1}}, "1");
  CellInfo now = stored;
  stored.planned_requests = 25;
  now.planned_requests = 50;
  const auto compared = compare_cells({stored}, {now});
  REQUIRE_FALSE(compared);
  CHECK(compared.error().why ==
        "it asks for 25 requests in a cell and the plan for 50: repeat cannot change in a stored "
        "run");
  now.planned_requests = 25;
  CHECK(compare_cells({stored}, {now}));
}
