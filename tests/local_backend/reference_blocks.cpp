#include "tests/local_backend/reference_blocks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

// By arithmetic on the fields of the format, not by bits of a float.
double half(unsigned bits) {
  const double sign = bits & 0x8000u ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 10 & 31u);
  const double fraction = static_cast<double>(bits & 1023u) / 1024;
  if (exponent == 0) return sign * std::ldexp(fraction, -14);
  return sign * std::ldexp(1 + fraction, exponent - 15);
}

// To so many bits of fraction, ties to even.
double rounded_to(double x, int bits, int least_exponent) {
  if (x == 0) return 0;
  int exponent = 0;
  std::frexp(x, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent, least_exponent) - 1 - bits);
  return std::nearbyint(x / unit) * unit;
}

// One block of a tensor.
class Block {
 public:
  Block(const std::vector<std::byte>& bytes, std::size_t first) : bytes_(bytes), first_(first) {}

  int byte(std::size_t at) const { return std::to_integer<int>(bytes_[first_ + at]); }
  int signed_byte(std::size_t at) const { return byte(at) < 128 ? byte(at) : byte(at) - 256; }
  int bit(std::size_t at, std::size_t n) const {
    return byte(at + n / 8) >> static_cast<int>(n % 8) & 1;
  }
  double half_at(std::size_t at) const {
    return half(static_cast<unsigned>(byte(at) | byte(at + 1) << 8));
  }
  // Element k of 32 in 16 bytes: the low halves first.
  int nibble(std::size_t at, std::size_t k) const {
    return k < 16 ? byte(at + k) % 16 : byte(at + k - 16) / 16;
  }
  // Element k of 256 in 64 bytes of four each.
  int crumb(std::size_t at, std::size_t k) const {
    return byte(at + k / 128 * 32 + k % 32) >> static_cast<int>(2 * (k % 128 / 32)) & 3;
  }
  // Six bits of scale and of minimum of the j-th 32 of 256, from 12 bytes.
  int scale(std::size_t at, std::size_t j) const {
    return j < 4 ? byte(at + j) & 63 : (byte(at + j + 4) & 15) | byte(at + j - 4) >> 6 << 4;
  }
  int minimum(std::size_t at, std::size_t j) const {
    return j < 4 ? byte(at + j + 4) & 63 : byte(at + j + 4) >> 4 | byte(at + j) >> 6 << 4;
  }

 private:
  const std::vector<std::byte>& bytes_;
  std::size_t first_;
};

constexpr std::array<int, 16> kNonLinear = {-127, -104, -83, -65, -49, -35, -22, -10,
                                            1,    13,   25,  38,  53,  69,  89,  113};
constexpr std::array<int, 16> kFourBitFloats = {0, 1,  2,  3,  4,  6,  8,  12,
                                                0, -1, -2, -3, -4, -6, -8, -12};

double q2_k(const Block& b, std::size_t k) {
  const int scales = b.byte(k / 16);
  return b.half_at(80) * (scales & 15) * b.crumb(16, k) - b.half_at(82) * (scales >> 4);
}

double q3_k(const Block& b, std::size_t k) {
  const std::size_t j = k / 16;
  const int low = j < 8 ? b.byte(96 + j) & 15 : b.byte(96 + j - 8) >> 4;
  const int high = b.byte(96 + 8 + j % 4) >> static_cast<int>(2 * (j / 4)) & 3;
  const int q = b.crumb(32, k) - (b.byte(k % 32) >> static_cast<int>(k / 32) & 1 ? 0 : 4);
  return b.half_at(108) * ((low | high << 4) - 32) * q;
}

// Q4_K, and Q5_K, which has a fifth bit of each element in 32 bytes more.
double q45_k(const Block& b, std::size_t k, bool five) {
  const std::size_t j = k / 32, l = k % 32;
  const int pair = b.byte((five ? 48 : 16) + 32 * (j / 2) + l);
  int q = j % 2 == 0 ? pair % 16 : pair / 16;
  if (five) q += (b.byte(16 + l) >> static_cast<int>(j) & 1) << 4;
  return b.half_at(0) * b.scale(4, j) * q - b.half_at(2) * b.minimum(4, j);
}

double q6_k(const Block& b, std::size_t k) {
  const std::size_t n = k / 128, t = k % 128 / 32, l = k % 32;
  const int pair = b.byte(64 * n + l + 32 * (t % 2));
  const int low = t < 2 ? pair % 16 : pair / 16;
  const int high = b.byte(128 + 32 * n + l) >> static_cast<int>(2 * t) & 3;
  return b.half_at(208) * b.signed_byte(192 + 8 * n + 2 * t + l / 16) * ((low | high << 4) - 32);
}

double iq4_xs(const Block& b, std::size_t k) {
  const std::size_t j = k / 32;
  const int low = b.byte(4 + j / 2) >> static_cast<int>(4 * (j % 2)) & 15;
  const int high = (b.byte(2) | b.byte(3) << 8) >> static_cast<int>(2 * j) & 3;
  const int code = b.nibble(8 + 16 * j, k % 32);
  return b.half_at(0) * ((low | high << 4) - 32) * kNonLinear.at(static_cast<std::size_t>(code));
}

double element_of(TensorType type, const Block& b, std::size_t k) {
  const auto from_table = [&](const std::array<int, 16>& table, std::size_t at) {
    return table.at(static_cast<std::size_t>(b.nibble(at, k)));
  };
  switch (type) {
    case TensorType::f16:
      return b.half_at(0);
    case TensorType::q8_0:
      return b.half_at(0) * b.signed_byte(2 + k);
    case TensorType::q4_0:
      return b.half_at(0) * (b.nibble(2, k) - 8);
    case TensorType::q4_1:
      return b.half_at(0) * b.nibble(4, k) + b.half_at(2);
    case TensorType::q5_0:
      return b.half_at(0) * ((b.nibble(6, k) | b.bit(2, k) << 4) - 16);
    case TensorType::q5_1:
      return b.half_at(0) * (b.nibble(8, k) | b.bit(4, k) << 4) + b.half_at(2);
    case TensorType::q2_k:
      return q2_k(b, k);
    case TensorType::q3_k:
      return q3_k(b, k);
    case TensorType::q4_k:
      return q45_k(b, k, false);
    case TensorType::q5_k:
      return q45_k(b, k, true);
    case TensorType::q6_k:
      return q6_k(b, k);
    case TensorType::iq4_nl:
      return b.half_at(0) * from_table(kNonLinear, 2);
    case TensorType::iq4_xs:
      return iq4_xs(b, k);
    case TensorType::mxfp4:
      return std::ldexp(from_table(kFourBitFloats, 1), b.byte(0) - 128);
    default:
      FAIL("the reference has no type " << static_cast<int>(type));
  }
  return 0;
}

// Blocks of 32: the largest magnitude is 127 steps of an f16 number.
void round_block_of_32(double* x) {
  double most = 0;
  for (std::size_t i = 0; i < 32; ++i) most = std::max(most, std::fabs(x[i]));
  const double scale = rounded_to_half(most / 127);
  for (std::size_t i = 0; i < 32; ++i)
    x[i] = most == 0 ? 0 : scale * std::nearbyint(x[i] * 127 / most);
}

// Blocks of 256: the value of largest magnitude, the first of equals, is -127 steps.
void round_block_of_256(double* x) {
  double most = 0;
  for (std::size_t i = 0; i < 256; ++i)
    if (std::fabs(x[i]) > std::fabs(most)) most = x[i];
  for (std::size_t i = 0; i < 256; ++i)
    x[i] = most == 0 ? 0 : std::min(127.0, std::nearbyint(x[i] * -127 / most)) * most / -127;
}

}  // namespace

double rounded_to_half(double x) {
  return rounded_to(x, 10, -13);
}

double block_element(TensorType type, const std::vector<std::byte>& bytes, std::size_t i) {
  if (type == TensorType::f32) {
    float value = 0;
    std::memcpy(&value, &bytes[4 * i], sizeof value);
    return static_cast<double>(value);
  }
  if (type == TensorType::bf16) {
    const Block b(bytes, 2 * i);  // the upper half of an f32
    const int bits = b.byte(0) | b.byte(1) << 8, exponent = bits >> 7 & 255;
    const double fraction = bits & 127, sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 0) return sign * std::ldexp(fraction, -133);
    return sign * std::ldexp(fraction + 128, exponent - 134);
  }
  const BlockFormat& format = *block_format(type);
  return element_of(type, Block(bytes, i / format.elements * format.bytes), i % format.elements);
}

double block_minimum(TensorType type, const std::vector<std::byte>& bytes, std::size_t i) {
  if (type != TensorType::q4_1 && type != TensorType::q5_1) return 0;
  return Block(bytes, i / 32 * block_format(type)->bytes).half_at(2);
}

Vector rounded_input(TensorType weights, const Vector& x) {
  Vector out = x;
  switch (weights) {
    case TensorType::f32:
      break;
    case TensorType::f16:
      for (double& v : out) v = rounded_to_half(v);
      break;
    case TensorType::bf16:
      for (double& v : out) v = rounded_to(v, 7, -125);
      break;
    default:
      if (block_format(weights)->elements == 32) {
        for (std::size_t b = 0; b < out.size(); b += 32) round_block_of_32(&out[b]);
      } else {
        for (std::size_t b = 0; b < out.size(); b += 256) round_block_of_256(&out[b]);
      }
  }
  return out;
}

Vector rounded_sums(const Vector& x) {
  Vector sums;
  for (std::size_t b = 0; b < x.size(); b += 32) {
    double most = 0, sum = 0;
    for (std::size_t i = b; i < b + 32; ++i) most = std::max(most, std::fabs(x[i]));
    for (std::size_t i = b; most > 0 && i < b + 32; ++i) sum += std::nearbyint(x[i] * 127 / most);
    sums.push_back(rounded_to_half(most / 127 * sum));
  }
  return sums;
}

}  // namespace pennyweight::llm::test
