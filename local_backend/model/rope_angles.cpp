#include "local_backend/model/rope_angles.h"

#include <utility>

#include "local_backend/runtime/exact_math.h"

namespace pennyweight::llm {
namespace {

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
      exact_math::exp(static_cast<double>(exponent) * exact_math::log(static_cast<double>(base))));
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
