#include "metrics/statistics/quantiles.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <map>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using nlohmann::json;

json cases() {
  return json::parse(test::read_file(test::source_path("tests/cases/stats_cases.json")));
}

TEST_CASE("type 7 quantiles equal those of numpy") {
  const json all = cases()["quantiles"];
  std::map<std::string, std::vector<double>> sets;
  for (const auto& [name, values] : all["sets"].items()) {
    auto sorted = values.get<std::vector<double>>();
    std::sort(sorted.begin(), sorted.end());
    sets[name] = sorted;
  }
  REQUIRE(all["cases"].size() >= 90);
  for (const json& c : all["cases"]) {
    CAPTURE(c.dump());
    const auto q = quantile(sets.at(c["set"]), c["p"]);
    REQUIRE(q);
    CHECK(*q == Approx(c["type7"].get<double>()).epsilon(1e-9));
  }
}

TEST_CASE("a quantile of nothing, of NaN or outside 0 to 1 is empty") {
  const std::vector<double> one{5};
  CHECK_FALSE(quantile({}, 0.5));
  CHECK_FALSE(quantile(one, -0.1));
  CHECK_FALSE(quantile(one, 1.1));
  CHECK_FALSE(quantile(one, std::nan("")));
  CHECK_FALSE(quantile(std::vector<double>{1, std::nan("")}, 0.5));
  CHECK_FALSE(mean(std::vector<double>{}));
  CHECK_FALSE(standard_deviation(one));
}

TEST_CASE("intervals of quantiles stand on the ranks of the binomial") {
  const json all = cases()["order_stat_ci"]["cases"];
  REQUIRE_FALSE(all.empty());
  for (const json& c : all) {
    CAPTURE(c.dump());
    std::vector<double> ranks(c["n"].get<std::size_t>());
    for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] = static_cast<double>(i + 1);
    const QuantileInterval got = quantile_interval(ranks, c["p"], c["conf"]);
    CHECK(got.low.has_value() == !c["lower_rank"].is_null());
    CHECK(got.high.has_value() == !c["upper_rank"].is_null());
    if (got.low && !c["lower_rank"].is_null()) CHECK(*got.low == c["lower_rank"].get<double>());
    if (got.high && !c["upper_rank"].is_null()) CHECK(*got.high == c["upper_rank"].get<double>());
  }
}

TEST_CASE("the least number of samples is where both ends of the interval appear") {
  const json all = cases();
  for (const json& c : all["order_stat_ci"]["min_n_two_sided"]) {
    CAPTURE(c.dump());
    CHECK(least_samples(c["p"], c["conf"]) == c["n"].get<int>());
  }
  CHECK(least_samples(0.5) == 6);
  CHECK(least_samples(0.95) == 72);
  CHECK(least_samples(0.99) == 368);
  CHECK(least_samples(1) == INT_MAX);
  for (const double p : {0.1, 0.5, 0.9, 0.95}) {
    const auto n = static_cast<std::size_t>(least_samples(p));
    const QuantileInterval enough = quantile_interval(std::vector<double>(n, 1), p);
    CHECK((enough.low && enough.high));
    const QuantileInterval few = quantile_interval(std::vector<double>(n - 1, 1), p);
    CHECK_FALSE((few.low && few.high));
  }
}

TEST_CASE("mean and standard deviation divide by n and n - 1") {
  const std::vector<double> x{2, 4, 4, 4, 5, 5, 7, 9};
  CHECK(*mean(x) == 5);
  CHECK(*standard_deviation(x) == Approx(std::sqrt(32.0 / 7)).epsilon(1e-12));
}

}  // namespace
}  // namespace pennyweight
