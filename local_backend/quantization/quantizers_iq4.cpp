// Blocks of 32 whose codes stand for the uneven steps of kIq4Values.
#include <algorithm>
#include <cmath>

#include "local_backend/quantization/quantizers.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t kBlock = 32;

// The code whose value is nearest; in the middle of two the upper.
Byte nearest_code(float value) {
  if (value <= static_cast<float>(kIq4Values.front())) return 0;
  if (value >= static_cast<float>(kIq4Values.back())) return 15;
  const auto above = std::upper_bound(
      kIq4Values.begin(), kIq4Values.end(), value,
      [](float wanted, std::int8_t code) { return wanted < static_cast<float>(code); });
  const auto index = static_cast<std::size_t>(above - kIq4Values.begin());
  const bool below = value - static_cast<float>(kIq4Values[index - 1]) <
                     static_cast<float>(kIq4Values[index]) - value;
  return static_cast<Byte>(below ? index - 1 : index);
}

// xl and l2 for the codes that an inverse scale gives, values weighted by their squares.
struct Sums {
  float xl = 0, l2 = 0;
};
Sums sums_for(const float* x, float inverse) {
  Sums sums;
  for (std::size_t j = 0; j < kBlock; ++j) {
    const float level = static_cast<float>(kIq4Values[nearest_code(inverse * x[j])]);
    const float weight = x[j] * x[j];
    sums.xl += weight * level * x[j];
    sums.l2 += weight * level * level;
  }
  return sums;
}

// The largest value at the first code, then at 15 places about it: the scale of least error.
float fit(const float* x) {
  float largest = 0;
  for (std::size_t j = 0; j < kBlock; ++j) {
    if (std::fabs(x[j]) > std::fabs(largest)) largest = x[j];
  }
  if (std::fabs(largest) < 1e-15f) return 0;
  Sums sums = sums_for(x, 1 / (-largest / static_cast<float>(kIq4Values.front())));
  float scale = sums.l2 > 0 ? sums.xl / sums.l2 : 0.0f;
  float best = scale * sums.xl;
  for (int i = -7; i <= 7; ++i) {
    sums = sums_for(x, static_cast<float>(i + kIq4Values.front()) / largest);
    if (sums.l2 > 0 && sums.xl * sums.xl > best * sums.l2) {
      scale = sums.xl / sums.l2;
      best = scale * sums.xl;
    }
  }
  return scale;
}

void store_codes(const float* x, float scale, Byte* out) {
  const float inverse = scale != 0 ? 1 / scale : 0.0f;
  for (std::size_t j = 0; j < kBlock / 2; ++j) {
    out[j] = static_cast<Byte>(nearest_code(inverse * x[j]) |
                               nearest_code(inverse * x[j + kBlock / 2]) << 4);
  }
}

}  // namespace

bool quantize_iq4_nl(const float* x, Byte* block) {
  const float scale = fit(x);
  store_codes(x, scale, block + 2);
  return std::isfinite(store_half(block, scale));
}

// The codes follow the scale before it is rounded to a half.
bool quantize_iq4_xs(const float* x, Byte* block) {
  float scales[8], largest = 0;
  for (std::size_t j = 0; j < 8; ++j) {
    scales[j] = fit(x + kBlock * j);
    if (std::fabs(scales[j]) > std::fabs(largest)) largest = scales[j];
  }
  const float d = -largest / 32;
  const float inverse = d != 0 ? 1 / d : 0.0f;
  std::array<std::int8_t, 8> packed{};
  for (std::size_t j = 0; j < 8; ++j) {
    const int scale = std::clamp(nearest_integer(inverse * scales[j]), -32, 31);
    packed[j] = static_cast<std::int8_t>(scale);
    store_codes(x + kBlock * j, d * static_cast<float>(scale), block + 8 + 16 * j);
  }
  pack_iq4_xs_scales(packed, block + 2, block + 4);
  return std::isfinite(store_half(block, d));
}

}  // namespace pennyweight::llm
