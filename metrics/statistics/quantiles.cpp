#include "metrics/statistics/quantiles.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <vector>

namespace pennyweight {
namespace {

bool has_nan(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(), [](double x) { return std::isnan(x); });
}

// P(K = k), k = 0..n, of the binomial distribution; in logarithms, since (1-p)^n underflows.
std::vector<double> binomial(std::size_t n, double p) {
  std::vector<double> mass(n + 1);
  const double odds = std::log(p) - std::log1p(-p);
  double log_mass = static_cast<double>(n) * std::log1p(-p);
  for (std::size_t k = 0; k <= n; ++k) {
    mass[k] = std::exp(log_mass);
    log_mass += odds + std::log(static_cast<double>(n - k) / static_cast<double>(k + 1));
  }
  return mass;
}

}  // namespace

std::optional<double> quantile(std::span<const double> sorted, double p) {
  if (sorted.empty() || !(p >= 0 && p <= 1) || has_nan(sorted)) return std::nullopt;
  const double h = static_cast<double>(sorted.size() - 1) * p;
  const auto j = static_cast<std::size_t>(h);
  if (j + 1 >= sorted.size()) return sorted.back();
  return sorted[j] + (h - std::floor(h)) * (sorted[j + 1] - sorted[j]);
}

// K ~ Bin(n, p) counts samples below the quantile. Lower rank: the largest l with P(K <= l-1) <=
// alpha/2; upper rank: the smallest u with P(K >= u) <= alpha/2.
QuantileInterval quantile_interval(std::span<const double> sorted, double p, double level) {
  QuantileInterval out;
  const std::size_t n = sorted.size();
  if (n == 0 || !(p > 0 && p < 1) || !(level > 0 && level < 1) || has_nan(sorted)) return out;
  const double tail = (1 - level) / 2;
  const std::vector<double> mass = binomial(n, p);
  double below = 0;
  for (std::size_t rank = 1; rank <= n && (below += mass[rank - 1]) <= tail; ++rank) {
    out.low = sorted[rank - 1];
  }
  double above = 0;
  for (std::size_t rank = n; rank >= 1 && (above += mass[rank]) <= tail; --rank) {
    out.high = sorted[rank - 1];
  }
  return out;
}

int least_samples(double p, double level) {
  const double tail = (1 - level) / 2;
  if (!(p > 0 && p < 1) || !(tail > 0 && tail < 1)) return INT_MAX;
  const double side = std::log(std::max(p, 1 - p));  // both p^n and (1-p)^n must be <= tail
  const double n = std::ceil(std::log(tail) / side);
  return n < INT_MAX ? static_cast<int>(n) : INT_MAX;
}

std::optional<double> mean(std::span<const double> values) {
  if (values.empty() || has_nan(values)) return std::nullopt;
  double sum = 0;
  for (const double x : values) sum += x;
  return sum / static_cast<double>(values.size());
}

std::optional<double> standard_deviation(std::span<const double> values) {
  const std::optional<double> centre = mean(values);
  if (!centre || values.size() < 2) return std::nullopt;
  double squares = 0;
  for (const double x : values) squares += (x - *centre) * (x - *centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace pennyweight
