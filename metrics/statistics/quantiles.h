// Order statistics. Sources: Hyndman & Fan 1996 (type 7, as PERCENTILE.INC and numpy); intervals
// for a quantile from the binomial (no distribution assumed).
#pragma once

#include <optional>
#include <span>

namespace pennyweight {

// Type 7: h = (n-1)p + 1 between order statistics. Empty for no data or p outside [0, 1]; NaN is
// refused likewise. `sorted` ascends.
std::optional<double> quantile(std::span<const double> sorted, double p);

// Two-sided `level` interval from order statistics. A side without a rank is empty: p50 needs 6
// samples, p95 72, p99 368 for 95 %.
struct QuantileInterval {
  std::optional<double> low, high;
};
QuantileInterval quantile_interval(std::span<const double> sorted, double p, double level = 0.95);
// The least n for which both sides exist: a percentile of fewer samples is left blank in reports.
int least_samples(double p, double level = 0.95);

std::optional<double> mean(std::span<const double> values);
std::optional<double> standard_deviation(std::span<const double> values);  // n - 1; empty below 2

}  // namespace pennyweight
