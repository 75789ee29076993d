#include "local_backend/model_families.h"

#include <set>
#include <string>

#include "local_backend/model/architecture.h"
#include "tests/test.h"

namespace pennyweight::llm::test {

TEST_CASE("A family runs exactly where its architecture does, or says why not") {
  std::set<std::string_view> names;
  for (const ModelFamily& family : model_families()) {
    INFO(family.name);
    CHECK(names.insert(family.name).second);
    const auto first = family.architecture.substr(0, family.architecture.find(','));
    if (family.why_not.empty()) CHECK(architecture(first) != nullptr);
    if (architecture(first) == nullptr) CHECK_FALSE(family.why_not.empty());
  }
}

TEST_CASE("Every architecture belongs to a family that is listed") {
  for (const Architecture& kind : architectures()) {
    bool listed = false;
    for (const ModelFamily& family : model_families())
      listed = listed || family.architecture.starts_with(kind.name);
    INFO(kind.name);
    CHECK(listed);
  }
}

}  // namespace pennyweight::llm::test
