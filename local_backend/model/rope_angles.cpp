#include "local_backend/model/rope_angles.h"

#include <algorithm>
#include <cmath>
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

// The pair whose angle turns `rotations` times over the original context.
double corrected_pair(const RopeConfig& config, float rotations) {
  const double pi = 0x1.921fb54442d18p+1;
  return config.dimensions *
         exact_math::log(config.original_context / (static_cast<double>(rotations) * 2 * pi)) /
         (2 * exact_math::log(static_cast<double>(config.base)));
}

std::vector<float> yarn_ramp(const RopeConfig& config) {
  const double last = config.dimensions - 1;
  const double low = std::clamp(std::floor(corrected_pair(config, config.beta_fast)), 0.0, last);
  const double high = std::clamp(std::ceil(corrected_pair(config, config.beta_slow)), 0.0, last);
  const double width = std::max(0.001, high - low);
  std::vector<float> ramp;
  for (int i = 0; i < config.dimensions / 2; ++i)
    ramp.push_back(1.0f - static_cast<float>(std::clamp((i - low) / width, 0.0, 1.0)));
  return ramp;
}

}  // namespace

RopeAngles::RopeAngles(const RopeConfig& config, std::vector<float> divisors)
    : pairs_(static_cast<std::size_t>(config.dimensions) / 2),
      frequency_scale_(config.frequency_scale),
      magnitude_(config.magnitude),
      divisors_(std::move(divisors)) {
  const float exponent = -2.0f / static_cast<float>(config.dimensions);
  step_ = static_cast<float>(exact_math::exp(static_cast<double>(exponent) *
                                             exact_math::log(static_cast<double>(config.base))));
  if (config.yarn) ramp_ = yarn_ramp(config);
}

void RopeAngles::fill(std::uint32_t position, std::span<float> cosines,
                      std::span<float> sines) const {
  float theta = static_cast<float>(position);
  for (std::size_t i = 0; i < pairs_; ++i) {
    const float divided = divisors_.empty() ? theta : theta / divisors_[i];
    float angle = frequency_scale_ * divided;
    if (!ramp_.empty()) angle = angle * (1.0f - ramp_[i]) + divided * ramp_[i];
    const auto [cosine, sine] = cosine_and_sine(static_cast<double>(angle));
    cosines[i] = static_cast<float>(cosine) * magnitude_;
    sines[i] = static_cast<float>(sine) * magnitude_;
    theta *= step_;
  }
}

void rotate(std::span<float> head, RopePairs pairs, std::span<const float> cosines,
            std::span<const float> sines) {
  const bool adjacent = pairs == RopePairs::adjacent;
  const std::size_t step = adjacent ? 2 : 1, distance = adjacent ? 1 : cosines.size();
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    float& first = head[i * step];
    float& second = head[i * step + distance];
    const float a = first, b = second;
    first = a * cosines[i] - b * sines[i];
    second = a * sines[i] + b * cosines[i];
  }
}

}  // namespace pennyweight::llm
