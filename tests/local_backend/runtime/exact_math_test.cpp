#include "local_backend/runtime/exact_math.h"

#include <cmath>
#include <limits>

#include "tests/test.h"

namespace pennyweight::test {
namespace {

namespace exact = llm::exact_math;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

double relative_error(double value, long double truth) {
  return static_cast<double>(std::fabs((static_cast<long double>(value) - truth) / truth));
}

TEST_CASE("exp is right to 1e-14 over its range") {
  double worst = 0;
  for (double x = -700; x < 709; x += 0.0137) {
    worst = std::max(worst, relative_error(exact::exp(x), std::exp(static_cast<long double>(x))));
  }
  CHECK(worst < 1e-14);
  CHECK(exact::exp(0) == 1);
  CHECK(exact::exp(710) == kInfinity);
  CHECK(exact::exp(-746) == 0);
  CHECK(exact::exp(-745) == std::numeric_limits<double>::denorm_min());
  CHECK(exact::exp(-kInfinity) == 0);
  CHECK(exact::exp(kInfinity) == kInfinity);
  CHECK(std::isnan(exact::exp(std::nan(""))));
}

TEST_CASE("log is right to 1e-14 over its range and near one") {
  double worst = 0;
  for (double x = 1e-300; x < 1e300; x *= 1.37) {
    worst = std::max(worst, relative_error(exact::log(x), std::log(static_cast<long double>(x))));
  }
  for (double x = 0.5; x < 2; x += 0.000137) {
    if (x == 1) continue;
    worst = std::max(worst, relative_error(exact::log(x), std::log(static_cast<long double>(x))));
  }
  CHECK(worst < 1e-14);
  CHECK(exact::log(1) == 0);
  CHECK(exact::log(0) == -kInfinity);
  CHECK(exact::log(kInfinity) == kInfinity);
  CHECK(exact::log(5e-324) == Approx(-744.4400719213812));
  CHECK(std::isnan(exact::log(-1)));
}

}  // namespace
}  // namespace pennyweight::test
