// Blocks of 32 whose scale follows from the largest value, or from both ends: no search.
#include <algorithm>
#include <cmath>

#include "local_backend/quantization/quantizers.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t kBlock = 32;

float reciprocal(float d) {
  return d != 0 ? 1.0f / d : 0.0f;
}

float signed_largest(const float* x) {  // of equal magnitudes the first gives the sign
  float found = 0;
  for (std::size_t j = 0; j < kBlock; ++j) {
    if (std::fabs(x[j]) > std::fabs(found)) found = x[j];
  }
  return found;
}

// Truncates `value` to 0 .. top. One that no quant can be (1 / d was infinite) becomes `zero`.
unsigned level(float value, int top, unsigned zero) {
  if (!(value >= 0 && value < static_cast<float>(top + 2))) return zero;
  return static_cast<unsigned>(std::min(top, static_cast<int>(value)));
}

// `quant` of elements j and j + 16 in byte j; the fifth bits, where there is room for them, in a
// word before.
template <class Quant>
void store_nibbles(const float* x, Byte* nibbles, Byte* fifth_bits, Quant quant) {
  std::uint32_t fifth = 0;
  for (std::size_t j = 0; j < kBlock / 2; ++j) {
    const unsigned low = quant(x[j]), high = quant(x[j + kBlock / 2]);
    nibbles[j] = static_cast<Byte>((low & 15) | (high & 15) << 4);
    fifth |= (low >> 4) << j | (high >> 4) << (j + kBlock / 2);
  }
  if (fifth_bits != nullptr) std::memcpy(fifth_bits, &fifth, sizeof fifth);
}

// Q4_0 and Q5_0: levels -half .. half - 1, the largest value at -half.
bool symmetric(const float* x, int half, Byte* block, Byte* fifth_bits, Byte* nibbles) {
  const float d = signed_largest(x) / static_cast<float>(-half);
  const float inverse = reciprocal(d), shift = static_cast<float>(half) + 0.5f;
  store_nibbles(x, nibbles, fifth_bits, [&](float value) {
    return level(value * inverse + shift, 2 * half - 1, static_cast<unsigned>(half));
  });
  return std::isfinite(store_half(block, d));
}

// Q4_1 and Q5_1: levels 0 .. top from the least to the largest.
bool from_least(const float* x, int top, Byte* block, Byte* fifth_bits, Byte* nibbles) {
  const auto [least, largest] = std::minmax_element(x, x + kBlock);
  const float minimum = *least;
  const float d = (*largest - minimum) / static_cast<float>(top);
  const float inverse = reciprocal(d);
  store_nibbles(x, nibbles, fifth_bits,
                [&](float value) { return level((value - minimum) * inverse + 0.5f, top, 0); });
  const float stored = store_half(block, d);
  return std::isfinite(store_half(block + 2, minimum)) && std::isfinite(stored);
}

unsigned nearest_mxfp4(float value, float scale) {  // of equally near codes the first
  unsigned nearest = 0;
  float least = std::fabs(value);
  for (unsigned code = 1; code < 16; ++code) {
    const float distance = std::fabs(static_cast<float>(kMxfp4Values[code]) * scale - value);
    if (distance < least) least = distance, nearest = code;
  }
  return nearest;
}

}  // namespace

bool quantize_q4_0(const float* x, Byte* block) {
  return symmetric(x, 8, block, nullptr, block + 2);
}

bool quantize_q5_0(const float* x, Byte* block) {
  return symmetric(x, 16, block, block + 2, block + 6);
}

bool quantize_q4_1(const float* x, Byte* block) {
  return from_least(x, 15, block, nullptr, block + 4);
}

bool quantize_q5_1(const float* x, Byte* block) {
  return from_least(x, 31, block, block + 4, block + 8);
}

bool quantize_q8_0(const float* x, Byte* block) {
  const float d = std::fabs(signed_largest(x)) / 127.0f;
  const float inverse = reciprocal(d);
  for (std::size_t j = 0; j < kBlock; ++j) {
    block[2 + j] = static_cast<Byte>(quant_or_zero(std::round(x[j] * inverse)));
  }
  return std::isfinite(store_half(block, d));
}

// The largest value lies in [4, 8) times 2^(exponent - 127); the largest code is 6 of them.
bool quantize_mxfp4(const float* x, Byte* block) {
  const float largest = signed_largest(x);
  block[0] = largest != 0 ? static_cast<Byte>(std::max(0, std::ilogb(largest) + 125)) : Byte{0};
  const float scale = mxfp4_scale(block[0]);
  store_nibbles(x, block + 1, nullptr, [&](float value) { return nearest_mxfp4(value, scale); });
  return true;
}

}  // namespace pennyweight::llm
