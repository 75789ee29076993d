#include "tests/local_backend/kernels/defined_product.h"

#include <cmath>
#include <cstring>

#include "metrics/base/random.h"

namespace pennyweight::llm::test {
namespace {

constexpr int kIq4[] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr int kTwiceFp4[] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

struct File {
  const std::byte* bytes;
  int operator[](std::size_t i) const { return std::to_integer<int>(bytes[i]); }
  float half(std::size_t i) const {
    return f16_to_f32(static_cast<std::uint16_t>((*this)[i] | (*this)[i + 1] << 8));
  }
  int bit(std::size_t first, std::size_t k) const { return (*this)[first + k / 8] >> k % 8 & 1; }
  int nibble(std::size_t i, bool high) const { return (*this)[i] >> (high ? 4 : 0) & 15; }
  // Of 32 elements in 16 bytes.
  int halves(std::size_t first, std::size_t k) const { return nibble(first + k % 16, k >= 16); }
};

// The quant of element k of a block.
int quant(TensorType type, File b, std::size_t k) {
  const std::size_t j = k / 32, n = k / 128, t = k % 128 / 32, l = k % 32;
  switch (type) {
    case TensorType::q4_0:
      return b.halves(2, k) - 8;
    case TensorType::q4_1:
      return b.halves(4, k);
    case TensorType::q5_0:
      return b.halves(6, k) + 16 * b.bit(2, k) - 16;
    case TensorType::q5_1:
      return b.halves(8, k) + 16 * b.bit(4, k);
    case TensorType::q8_0:
      return static_cast<std::int8_t>(b[2 + k]);
    case TensorType::iq4_nl:
      return kIq4[b.halves(2, k)];
    case TensorType::mxfp4:
      return kTwiceFp4[b.halves(1, k)];
    case TensorType::q2_k:
      return b[16 + 32 * n + l] >> 2 * t & 3;
    case TensorType::q3_k:
      return (b[32 + 32 * n + l] >> 2 * t & 3) - ((b[l] >> j & 1) == 1 ? 0 : 4);
    case TensorType::q4_k:
      return b.nibble(16 + 32 * (j / 2) + l, j % 2 == 1);
    case TensorType::q5_k:
      return b.nibble(48 + 32 * (j / 2) + l, j % 2 == 1) + 16 * (b[16 + l] >> j & 1);
    case TensorType::q6_k:
      return b.nibble(64 * n + l + 32 * (t & 1), t >= 2) + 16 * (b[128 + 32 * n + l] >> 2 * t & 3) -
             32;
    case TensorType::iq4_xs:
      return kIq4[b.halves(8 + 16 * j, l)];
    default:
      return 0;
  }
}

// Q4_K and Q5_K, of sub-block j.
int six_bit_scale(File b, std::size_t j) {
  return j < 4 ? b[4 + j] & 63 : b.nibble(8 + j, false) + 16 * (b[j] >> 6);
}
int six_bit_minimum(File b, std::size_t j) {
  return j < 4 ? b[8 + j] & 63 : b.nibble(8 + j, true) + 16 * (b[4 + j] >> 6);
}

// Of the sub-block of element k.
int sub_scale(TensorType type, File b, std::size_t k) {
  const std::size_t j = k / 16;
  switch (type) {
    case TensorType::q2_k:
      return b.nibble(j, false);
    case TensorType::q3_k:
      return b.nibble(96 + j % 8, j >= 8) + 16 * (b[104 + j % 4] >> 2 * (j / 4) & 3) - 32;
    case TensorType::q6_k:
      return static_cast<std::int8_t>(b[192 + j]);
    case TensorType::iq4_xs:
      return b.nibble(4 + k / 64, k / 32 % 2 == 1) + 16 * ((b[2] | b[3] << 8) >> 2 * (k / 32) & 3) -
             32;
    default:
      return six_bit_scale(b, k / 32);
  }
}

bool has_minimum(TensorType type) {
  return type == TensorType::q4_1 || type == TensorType::q5_1 || type == TensorType::q2_k ||
         type == TensorType::q4_k || type == TensorType::q5_k;
}

int sub_minimum(TensorType type, File b, std::size_t k) {
  if (!has_minimum(type)) return 0;
  return type == TensorType::q2_k ? b.nibble(k / 16, true) : six_bit_minimum(b, k / 32);
}

// Where the halves of a block are: the scale, and 2 bytes on the minimum's, if it has one.
std::size_t scale_offset(TensorType type) {
  return type == TensorType::q2_k   ? 80
         : type == TensorType::q3_k ? 108
         : type == TensorType::q6_k ? 208
                                    : 0;
}

float block_scale(TensorType type, File b) {
  return type == TensorType::mxfp4 ? std::ldexp(1.0f, b[0] - 128) : b.half(scale_offset(type));
}

float real_dot(TensorType type, const std::byte* row, const Activation& a, std::size_t columns) {
  float acc = 0;
  for (std::size_t k = 0; k < columns; ++k) {
    float w = 0;
    if (type == TensorType::f32) {
      std::memcpy(&w, row + 4 * k, 4);
      acc = std::fma(w, a.f32[k], acc);
    } else if (type == TensorType::f16) {
      acc = std::fma(File{row}.half(2 * k), a.rounded[k], acc);
    } else {
      std::memcpy(reinterpret_cast<std::byte*>(&w) + 2, row + 2 * k, 2);
      acc = std::fma(w, a.bf16[k], acc);
    }
  }
  return acc;
}

void note(std::int64_t sum, std::int64_t& largest) {
  largest = std::max(largest, std::abs(sum));
}

}  // namespace

float defined_dot(TensorType type, const std::byte* row, const Activation& a, std::size_t columns,
                  std::int64_t& largest_sum) {
  const BlockFormat& format = *block_format(type);
  if (format.elements == 1) return real_dot(type, row, a, columns);
  float acc = 0;
  for (std::size_t at = 0; at < columns; at += format.elements, row += format.bytes) {
    const File block{row};
    std::int64_t sum = 0, minimums = 0;
    for (std::size_t k = 0; k < format.elements; ++k) {
      if (format.elements == 32) {
        sum += quant(type, block, k) * a.q8[at + k];
      } else {
        sum += sub_scale(type, block, k) * quant(type, block, k) * a.q8k[at + k];
        minimums += sub_minimum(type, block, k) * a.q8k[at + k];
      }
    }
    note(sum, largest_sum);
    note(minimums, largest_sum);
    const float d = block_scale(type, block);
    const float minimum = has_minimum(type) ? block.half(scale_offset(type) + 2) : 0;
    if (format.elements == 32) {
      acc = std::fma(static_cast<float>(sum), d * a.q8_scales[at / 32], acc);
      if (has_minimum(type)) acc = std::fma(minimum, a.q8_scaled_sums[at / 32], acc);
    } else {
      const float d_a = a.q8k_scales[at / 256];
      acc = std::fma(static_cast<float>(sum), d * d_a, acc);
      if (has_minimum(type)) acc = std::fma(static_cast<float>(minimums), -(minimum * d_a), acc);
    }
  }
  return acc;
}

void set_scales(TensorType type, std::uint16_t half, std::vector<std::byte>& blocks) {
  for (std::size_t b = 0; b < blocks.size(); b += block_format(type)->bytes) {
    if (type == TensorType::mxfp4) continue;
    std::memcpy(&blocks[b + scale_offset(type)], &half, 2);
    if (has_minimum(type)) std::memcpy(&blocks[b + scale_offset(type) + 2], &half, 2);
  }
}

std::vector<std::byte> random_blocks(TensorType type, std::size_t values, std::uint64_t seed) {
  Random random(seed, Stream::weights);
  const BlockFormat& format = *block_format(type);
  std::vector<std::byte> out(values / format.elements * format.bytes);
  for (std::byte& byte : out) byte = static_cast<std::byte>(random.next_u32() >> 24);
  const auto small = [&] { return static_cast<float>(random.normal() / 64); };
  for (std::size_t b = 0; b < out.size(); b += format.bytes) {
    if (type == TensorType::f32) {
      const float value = small();
      std::memcpy(&out[b], &value, 4);
    } else if (type == TensorType::mxfp4) {
      out[b] = static_cast<std::byte>(112 + std::to_integer<int>(out[b]) % 32);
    } else {
      for (std::size_t i = 0; i <= (has_minimum(type) ? 2u : 0u); i += 2) {
        const std::uint16_t half =
            type == TensorType::bf16 ? f32_to_bf16(small()) : f32_to_f16(small());
        std::memcpy(&out[b + scale_offset(type) + i], &half, 2);
      }
    }
  }
  return out;
}

std::vector<std::byte> extreme_blocks(TensorType type, std::size_t values) {
  const std::uint16_t scales[] = {0x0000, 0x8000, 0x0001, 0x83FF, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF};
  const std::byte fills[] = {std::byte{0x80}, std::byte{0x7F}, std::byte{0x00},
                             std::byte{0xFF}, std::byte{0xF0}, std::byte{0x0F}};
  const std::uint8_t exponents[] = {0, 1, 2, 3, 127, 128, 253, 254, 255};
  const BlockFormat& format = *block_format(type);
  std::vector<std::byte> out;
  for (std::size_t b = 0; b < values / format.elements; ++b) {
    const std::size_t first = out.size();
    // Fields change their fill at different places of the block.
    for (std::size_t i = 0; i < format.bytes; ++i)
      out.push_back(fills[b % 7 == 6 ? i % 6 : b % 7 == 5 ? (b + i / 16) % 6 : (b + b / 8) % 6]);
    if (type == TensorType::mxfp4) {
      out[first] = std::byte{exponents[b % std::size(exponents)]};
      continue;
    }
    std::memcpy(&out[first + scale_offset(type)], &scales[b * 5 % 8], 2);
    if (has_minimum(type)) std::memcpy(&out[first + scale_offset(type) + 2], &scales[b * 3 % 8], 2);
  }
  return out;
}

std::vector<std::byte> largest_blocks(TensorType type, std::size_t values) {
  const BlockFormat& format = *block_format(type);
  // Without a minimum the lowest code and the lowest sub-scale are both negative.
  const std::byte fill{static_cast<unsigned char>(has_minimum(type) ? 0xFF : 0x00)};
  std::vector<std::byte> out(values / format.elements * format.bytes, fill);
  if (type == TensorType::q6_k)
    for (std::size_t b = 0; b < out.size(); b += format.bytes)
      for (std::size_t j = 0; j < 16; ++j) out[b + 192 + j] = std::byte{0x80};
  if (type == TensorType::q8_0) std::fill(out.begin(), out.end(), std::byte{0x80});
  if (type == TensorType::mxfp4) std::fill(out.begin(), out.end(), std::byte{0x77});
  set_scales(type, 0x3C00, out);
  return out;
}

}  // namespace pennyweight::llm::test
