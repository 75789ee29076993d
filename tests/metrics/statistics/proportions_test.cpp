#include "metrics/statistics/proportions.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using nlohmann::json;

json cases() {
  return json::parse(test::read_file(test::source_path("tests/cases/stats_cases.json")));
}

TEST_CASE("Wilson intervals equal those of scipy") {
  const json all = cases()["proportions"]["cases"];
  REQUIRE_FALSE(all.empty());
  for (const json& c : all) {
    CAPTURE(c.dump());
    const auto interval = wilson(c["k"], c["n"]);
    REQUIRE(interval.has_value() == !c["wilson95"].is_null());
    if (!interval) continue;
    CHECK(interval->low == Approx(c["wilson95"][0].get<double>()).epsilon(1e-9).margin(1e-12));
    CHECK(interval->high == Approx(c["wilson95"][1].get<double>()).epsilon(1e-9));
  }
}

TEST_CASE("Wilson intervals keep their ends and refuse what is not a share") {
  CHECK(wilson(0, 30)->low == 0);
  CHECK(wilson(30, 30)->high == 1);
  CHECK_FALSE(wilson(0, 0));
  CHECK_FALSE(wilson(-1, 10));
  CHECK_FALSE(wilson(11, 10));
  CHECK_FALSE(wilson(std::nan(""), 10));
  CHECK_FALSE(wilson(1, 10, 1));
  CHECK(wilson(95, 100, 0.99)->low < wilson(95, 100)->low);
}

TEST_CASE("normal quantiles equal those of scipy, in the tails too") {
  const json all = cases();
  for (const json& c : all["student_t"]["normal_quantiles"]) {
    CAPTURE(c.dump());
    CHECK(normal_quantile(c["p"]) == Approx(c["z"].get<double>()).epsilon(1e-12).margin(1e-12));
  }
  for (const double p : {1e-300, 1e-20, 1e-6, 0.02, 0.3, 0.7, 0.9999}) {
    CHECK(0.5 * std::erfc(-normal_quantile(p) / std::sqrt(2.0)) == Approx(p).epsilon(1e-9));
  }
  CHECK(std::isinf(normal_quantile(0)));
  CHECK(std::isinf(normal_quantile(1)));
  CHECK(std::isnan(normal_quantile(1.5)));
}

}  // namespace
}  // namespace pennyweight
