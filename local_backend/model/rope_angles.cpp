#include "local_backend/model/rope_angles.h"

#include <bit>
#include <utility>

namespace pennyweight::llm {
namespace {

// x > 0 and normal. ln x = e ln 2 + 2 atanh((m - 1) / (m + 1)).
double natural_logarithm(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double mantissa = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000);
  if (mantissa > 1.4142135623730951) {
    mantissa /= 2;
    ++exponent;
  }
  const double s = (mantissa - 1) / (mantissa + 1);
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * (s * s) + 1.0 / k;
  return exponent * 0x1.62e42fefa39efp-1 + 2 * s * sum;
}

// -700 < x < 700. e^x = 2^n e^r, the Taylor polynomial of degree 14.
double exponential(double x) {
  const double turns = x * 0x1.71547652b82fep+0;
  const int n = static_cast<int>(turns < 0 ? turns - 0.5 : turns + 0.5);
  const double r = (x - n * 0x1.62e42fefa2000p-1) - n * 0x1.9ef35793c7673p-41;
  double sum = 1;
  for (int k = 14; k >= 1; --k) sum = sum * r / k + 1;
  return sum * std::bit_cast<double>(static_cast<std::uint64_t>(1023 + n) << 52);
}

// 0 <= x < 2^25: pi / 2 is subtracted in three parts, the first two of 28 bits, whose multiples are
// exact; then Taylor polynomials on [-pi/4, pi/4].
std::pair<double, double> cosine_and_sine(double x) {
  const auto quarters = static_cast<std::int64_t>(x * 0x1.45f306dc9c883p-1 + 0.5);
  const auto q = static_cast<double>(quarters);
  const double r = ((x - q * 0x1.921fb54p+0) - q * 0x1.10b461p-30) - q * 0x1.a62633145c06ep-58;
  const double r2 = r * r;
  double sine = 1, cosine = 1;
  for (int k = 16; k >= 2; k -= 2) {
    sine = 1 - sine * r2 / (k * (k + 1));
    cosine = 1 - cosine * r2 / (k * (k - 1));
  }
  sine *= r;
  switch (quarters & 3) {
    case 0:
      return {cosine, sine};
    case 1:
      return {-sine, cosine};
    case 2:
      return {-cosine, -sine};
    default:
      return {sine, -cosine};
  }
}

}  // namespace

RopeAngles::RopeAngles(int dimensions, float base, float frequency_scale,
                       std::vector<float> divisors)
    : pairs_(static_cast<std::size_t>(dimensions) / 2),
      frequency_scale_(frequency_scale),
      divisors_(std::move(divisors)) {
  const float exponent = -2.0f / static_cast<float>(dimensions);
  step_ = static_cast<float>(
      exponential(static_cast<double>(exponent) * natural_logarithm(static_cast<double>(base))));
}

void RopeAngles::fill(std::uint32_t position, std::span<float> cosines,
                      std::span<float> sines) const {
  float theta = static_cast<float>(position);
  for (std::size_t i = 0; i < pairs_; ++i) {
    const float divided = divisors_.empty() ? theta : theta / divisors_[i];
    const auto [cosine, sine] = cosine_and_sine(static_cast<double>(frequency_scale_ * divided));
    cosines[i] = static_cast<float>(cosine);
    sines[i] = static_cast<float>(sine);
    theta *= step_;
  }
}

void rotate(std::span<float> head, std::span<const float> cosines, std::span<const float> sines) {
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    const float a = head[2 * i], b = head[2 * i + 1];
    head[2 * i] = a * cosines[i] - b * sines[i];
    head[2 * i + 1] = a * sines[i] + b * cosines[i];
  }
}

}  // namespace pennyweight::llm
