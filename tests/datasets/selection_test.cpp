#include "datasets/selection.h"

#include <algorithm>
#include <set>
#include <string>

#include "metrics/base/hash.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

TaskSet numbered(int rows) {
  std::string text;
  for (int i = 0; i < rows; ++i) {
    text += R"({"id": ")" + std::to_string(i) +
            R"(", "vars": {"input": "x"}, "target": "y"})"
            "\n";
  }
  return *TaskSet::parse("", text, "numbered");
}

TEST_CASE("A selection is the rows with the least hash, in that order") {
  const TaskSet set = numbered(50);
  const auto rows = select(set, 7, 10);
  REQUIRE(rows.size() == 10);
  const auto key = [&](std::size_t row) { return sha256("7\n" + set.id(row)); };
  for (std::size_t i = 1; i < rows.size(); ++i) CHECK(key(rows[i - 1]) < key(rows[i]));
  for (std::size_t row = 0; row < set.size(); ++row) {
    const bool chosen = std::find(rows.begin(), rows.end(), row) != rows.end();
    CHECK(chosen == (key(row) <= key(rows.back())));
  }
}

TEST_CASE("A selection changes with the seed and little when rows are added") {
  const TaskSet set = numbered(50);
  CHECK(select(set, 7, 10) != select(set, 8, 10));
  const TaskSet more = numbered(55);
  const auto before = select(set, 7, 10);
  const auto after = select(more, 7, 10);
  std::set<std::string> ids;
  for (const auto row : before) ids.insert(set.id(row));
  for (const auto row : after) {
    if (row < 50) CHECK(ids.count(more.id(row)) == 1);
  }
}

TEST_CASE("Without a limit, or with a large one, every row is there once") {
  const TaskSet set = numbered(20);
  const auto all = select(set, 1, std::nullopt);
  CHECK(std::set<std::size_t>(all.begin(), all.end()).size() == 20);
  CHECK(select(set, 1, 1000) == all);
  CHECK(select(set, 1, 0).empty());
}

}  // namespace
}  // namespace pennyweight
