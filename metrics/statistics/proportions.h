// Intervals for a share of successes.
#pragma once

#include <optional>

namespace pennyweight {

struct Interval {
  double low = 0, high = 0;
};
// Wilson score interval, two-sided (Wilson 1927). Empty for n = 0.
std::optional<Interval> wilson(double successes, double n, double level = 0.95);
// Of the standard normal; absolute error below 1e-9.
double normal_quantile(double p);

}  // namespace pennyweight
