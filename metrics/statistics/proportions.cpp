#include "metrics/statistics/proportions.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>

namespace pennyweight {
namespace {

double polynomial(std::initializer_list<double> coefficients, double x) {
  double value = 0;
  for (const double c : coefficients) value = value * x + c;
  return value;
}

// Acklam's rational approximations, relative error below 1.2e-9.
double approximate_normal_quantile(double p) {
  if (p > 0.97575) return -approximate_normal_quantile(1 - p);
  if (p < 0.02425) {
    const double q = std::sqrt(-2 * std::log(p));
    return polynomial({-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                       -2.549732539343734e+00, 4.374664141464968e+00, 2.938163982698783e+00},
                      q) /
           polynomial({7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00,
                       3.754408661907416e+00, 1},
                      q);
  }
  const double q = p - 0.5;
  return q *
         polynomial({-3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02,
                     1.383577518672690e+02, -3.066479806614716e+01, 2.506628277459239e+00},
                    q * q) /
         polynomial({-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02,
                     6.680131188771972e+01, -1.328068155288572e+01, 1},
                    q * q);
}

}  // namespace

std::optional<Interval> wilson(double successes, double n, double level) {
  if (!(n > 0) || !(successes >= 0 && successes <= n)) return std::nullopt;
  if (!(level > 0 && level < 1)) return std::nullopt;
  const double z = normal_quantile((1 + level) / 2);
  const double share = successes / n;
  const double scale = 1 + z * z / n;
  const double centre = (share + z * z / (2 * n)) / scale;
  const double half = z / scale * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  // At 0 and n an end is 0 or 1 exactly; rounding would leave a trace.
  return Interval{successes == 0 ? 0 : std::max(0.0, centre - half),
                  successes == n ? 1 : std::min(1.0, centre + half)};
}

double normal_quantile(double p) {
  if (std::isnan(p) || p < 0 || p > 1) return std::numeric_limits<double>::quiet_NaN();
  if (p == 0) return -std::numeric_limits<double>::infinity();
  if (p == 1) return std::numeric_limits<double>::infinity();
  const double x = approximate_normal_quantile(p);
  // One step of Halley's method on the distribution function makes it exact to double precision.
  const double error = 0.5 * std::erfc(-x / std::sqrt(2.0)) - p;
  const double step = error * std::sqrt(2 * 3.14159265358979324) * std::exp(x * x / 2);
  return x - step / (1 + x * step / 2);
}

}  // namespace pennyweight
