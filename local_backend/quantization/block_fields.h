// Fields of blocks that more than one file reads or writes. Private to this folder and to kernels.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "local_backend/quantization/block_formats.h"

namespace pennyweight::llm {

using Byte = std::uint8_t;

inline std::uint16_t load_u16(const Byte* from) {
  std::uint16_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline std::uint32_t load_u32(const Byte* from) {
  std::uint32_t value = 0;
  std::memcpy(&value, from, sizeof value);
  return value;
}

inline float load_half(const Byte* from) {
  return f16_to_f32(load_u16(from));
}

// Rounds to a half, and gives what the block will give back.
inline float store_half(Byte* to, float value) {
  const std::uint16_t half = f32_to_f16(value);
  std::memcpy(to, &half, sizeof half);
  return f16_to_f32(half);
}

// Scales so small that 1 / d overflows give quotients that are no numbers: their values are 0.
inline std::int8_t quant_or_zero(float rounded) {
  return std::fabs(rounded) <= 127.0f ? static_cast<std::int8_t>(rounded) : std::int8_t{0};
}

// Refuses types that are not supported, and spans that are not the same number of whole blocks.
Result<void> check_conversion(TensorType type, std::size_t bytes, std::size_t values);

// The values of the 4-bit codes of IQ4_NL and IQ4_XS, and twice those of MXFP4.
inline constexpr std::array<std::int8_t, 16> kIq4Values = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
inline constexpr std::array<std::int8_t, 16> kMxfp4Values = {0, 1,  2,  3,  4,  6,  8,  12,
                                                             0, -1, -2, -3, -4, -6, -8, -12};

// The scale that kMxfp4Values are multiplied by: 2^(exponent - 128). The format's NaN, 255, counts
// as a power like the others.
float mxfp4_scale(std::uint8_t exponent) noexcept;

// The 12 bytes of Q4_K and Q5_K: eight scales and eight minima, of 6 bits each.
struct ScalesAndMinima {
  std::array<Byte, 8> scales, minima;
};
ScalesAndMinima unpack_scales_and_minima(const Byte* packed) noexcept;
void pack_scales_and_minima(const ScalesAndMinima& from, Byte* packed) noexcept;

// The 12 bytes of Q3_K: sixteen scales of 6 bits, -32 to 31.
std::array<std::int8_t, 16> unpack_q3_scales(const Byte* packed) noexcept;
void pack_q3_scales(const std::array<std::int8_t, 16>& scales, Byte* packed) noexcept;

// The scales of IQ4_XS: eight of 6 bits, -32 to 31. `high` is two bytes, `low` four.
std::array<std::int8_t, 8> unpack_iq4_xs_scales(const Byte* high, const Byte* low) noexcept;
void pack_iq4_xs_scales(const std::array<std::int8_t, 8>& scales, Byte* high, Byte* low) noexcept;

}  // namespace pennyweight::llm
