// Blocks of 32 with one scale, taken from the largest value: no search.
#include <algorithm>
#include <cmath>

#include "local_backend/quantization/quantizers.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t kBlock = 32;

float reciprocal(float d) {
  return d != 0 ? 1.0f / d : 0.0f;
}

}  // namespace

void quantize_q8_0(const float* x, Byte* block) {
  float largest = 0;
  for (std::size_t j = 0; j < kBlock; ++j) largest = std::max(largest, std::fabs(x[j]));
  const float d = largest / 127.0f;
  const float inverse = reciprocal(d);
  store_half(block, d);
  for (std::size_t j = 0; j < kBlock; ++j) {
    block[2 + j] = static_cast<Byte>(quant_or_zero(std::round(x[j] * inverse)));
  }
}

void quantize_q4_0(const float* x, Byte* block) {
  float largest = 0, signed_largest = 0;  // of equal magnitudes the first gives the sign
  for (std::size_t j = 0; j < kBlock; ++j) {
    if (std::fabs(x[j]) > largest) {
      largest = std::fabs(x[j]);
      signed_largest = x[j];
    }
  }
  const float d = signed_largest / -8.0f;
  const float inverse = reciprocal(d);
  store_half(block, d);
  const auto quant = [&](float value) {
    const float shifted = value * inverse + 8.5f;
    return shifted >= 0 && shifted < 17 ? std::min(15, static_cast<int>(shifted)) : 8;
  };
  for (std::size_t j = 0; j < kBlock / 2; ++j) {
    block[2 + j] = static_cast<Byte>(quant(x[j]) | quant(x[j + kBlock / 2]) << 4);
  }
}

}  // namespace pennyweight::llm
