#include "local_backend/quantization/block_fields.h"

#include <bit>
#include <string>

namespace pennyweight::llm {
namespace {

Error unsupported(TensorType type) {
  const BlockFormat* format = block_format(type);
  return {ErrorKind::unsupported,
          "tensor type " +
              (format != nullptr ? std::string(format->name)
                                 : std::to_string(static_cast<std::uint32_t>(type))) +
              " cannot be converted",
          "there are " + supported_types(), ""};
}

}  // namespace

Result<void> check_conversion(TensorType type, std::size_t bytes, std::size_t values) {
  const BlockFormat* format = block_format(type);
  if (format == nullptr || !format->supported) return fail(unsupported(type));
  const auto expected = row_bytes(type, values);
  if (!expected || *expected != bytes) {
    return fail(ErrorKind::internal, std::to_string(values) + " values are not " +
                                         std::to_string(bytes) + " bytes of " +
                                         std::string(format->name));
  }
  return {};
}

float mxfp4_scale(std::uint8_t exponent) noexcept {
  if (exponent < 2)
    return std::bit_cast<float>(0x200000u << exponent);  // subnormal: 2^-128, 2^-127
  return std::bit_cast<float>((exponent - 1u) << 23);
}

// Bytes 0 to 3 hold the low six bits of scales 0 to 3 and, on top, the high two of scales 4 to 7;
// bytes 4 to 7 hold the minima in the same way; bytes 8 to 11 the low nibbles of scales 4 to 7,
// then of minima 4 to 7.
ScalesAndMinima unpack_scales_and_minima(const Byte* packed) noexcept {
  ScalesAndMinima out{};
  for (std::size_t j = 0; j < 4; ++j) {
    out.scales[j] = packed[j] & 63;
    out.minima[j] = packed[4 + j] & 63;
    out.scales[4 + j] = static_cast<Byte>((packed[8 + j] & 15) | (packed[j] >> 6 << 4));
    out.minima[4 + j] = static_cast<Byte>((packed[8 + j] >> 4) | (packed[4 + j] >> 6 << 4));
  }
  return out;
}

void pack_scales_and_minima(const ScalesAndMinima& from, Byte* packed) noexcept {
  for (std::size_t j = 0; j < 4; ++j) {
    packed[j] = static_cast<Byte>(from.scales[j] | (from.scales[4 + j] >> 4 << 6));
    packed[4 + j] = static_cast<Byte>(from.minima[j] | (from.minima[4 + j] >> 4 << 6));
    packed[8 + j] = static_cast<Byte>((from.scales[4 + j] & 15) | (from.minima[4 + j] & 15) << 4);
  }
}

// Nibbles of 0 to 7 low and 8 to 15 high in the first eight bytes; the high two bits of scale j in
// byte 8 + j % 4.
std::array<std::int8_t, 16> unpack_q3_scales(const Byte* packed) noexcept {
  std::array<std::int8_t, 16> scales{};
  for (std::size_t j = 0; j < 16; ++j) {
    const int low = packed[j % 8] >> (j < 8 ? 0 : 4) & 15;
    const int high = packed[8 + j % 4] >> (j / 4 * 2) & 3;
    scales[j] = static_cast<std::int8_t>((low | high << 4) - 32);
  }
  return scales;
}

void pack_q3_scales(const std::array<std::int8_t, 16>& scales, Byte* packed) noexcept {
  std::memset(packed, 0, 12);
  for (std::size_t j = 0; j < 16; ++j) {
    const int scale = scales[j] + 32;
    packed[j % 8] |= static_cast<Byte>((scale & 15) << (j < 8 ? 0 : 4));
    packed[8 + j % 4] |= static_cast<Byte>(scale >> 4 << (j / 4 * 2));
  }
}

std::array<std::int8_t, 8> unpack_iq4_xs_scales(const Byte* high, const Byte* low) noexcept {
  std::array<std::int8_t, 8> scales{};
  for (std::size_t j = 0; j < 8; ++j) {
    const int nibble = low[j / 2] >> (j % 2 * 4) & 15;
    const int top = high[j / 4] >> (j % 4 * 2) & 3;
    scales[j] = static_cast<std::int8_t>((nibble | top << 4) - 32);
  }
  return scales;
}

void pack_iq4_xs_scales(const std::array<std::int8_t, 8>& scales, Byte* high, Byte* low) noexcept {
  std::memset(high, 0, 2);
  std::memset(low, 0, 4);
  for (std::size_t j = 0; j < 8; ++j) {
    const int scale = scales[j] + 32;
    low[j / 2] |= static_cast<Byte>((scale & 15) << (j % 2 * 4));
    high[j / 4] |= static_cast<Byte>(scale >> 4 << (j % 4 * 2));
  }
}

}  // namespace pennyweight::llm
