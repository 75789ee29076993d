// Blocks of random bytes against the formulas of each format, written down per element in float64.
#include <bit>
#include <cmath>

#include "local_backend/quantization/block_formats.h"
#include "metrics/base/random.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;

class Block {
 public:
  explicit Block(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  std::size_t operator[](std::size_t i) const { return static_cast<std::size_t>(bytes_[i]); }
  double half(std::size_t i) const {
    const auto bits = static_cast<int>((*this)[i] | (*this)[i + 1] << 8);
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 != 0 ? -magnitude : magnitude;
  }
  double signed_byte(std::size_t i) const {
    const auto value = static_cast<double>((*this)[i]);
    return value < 128 ? value : value - 256;
  }
  double bit(std::size_t first, std::size_t number) const {
    return static_cast<double>((*this)[first + number / 8] >> number % 8 & 1);
  }
  double nibble(std::size_t i, bool high) const {
    return static_cast<double>(high ? (*this)[i] / 16 : (*this)[i] % 16);
  }

 private:
  std::vector<std::byte> bytes_;
};

constexpr double kNonLinear[] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                 1,    13,   25,  38,  53,  69,  89,  113};
constexpr double kFp4[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6};

double k_scale(const Block& b, std::size_t j, bool minimum) {  // Q4_K and Q5_K
  const std::size_t six = minimum ? 8 : 4, top = minimum ? 8 : 4;
  if (j < 4) return static_cast<double>(b[six + j] % 64);
  return b.nibble(4 + 4 + j, minimum) + 16 * static_cast<double>(b[top + j - 4] / 64);
}

double q3_scale(const Block& b, std::size_t j) {
  const double low = b.nibble(96 + j % 8, j >= 8);
  return low + 16 * static_cast<double>(b[104 + j % 4] >> 2 * (j / 4) & 3) - 32;
}

double iq4_xs_scale(const Block& b, std::size_t j) {
  const std::size_t tops = b[2] | b[3] << 8;
  return b.nibble(4 + j / 2, j % 2 == 1) + 16 * static_cast<double>(tops >> 2 * j & 3) - 32;
}

double two_bits(const Block& b, std::size_t first, std::size_t k) {
  return static_cast<double>(b[first + 32 * (k / 128) + k % 32] >> 2 * (k % 128 / 32) & 3);
}

// Element k of a block.
double element(TensorType type, const Block& b, std::size_t k) {
  const std::size_t low = k % 16;
  const bool upper = k / 16 == 1;
  switch (type) {
    case TensorType::bf16:
      return std::bit_cast<float>(static_cast<std::uint32_t>(b[0] << 16 | b[1] << 24));
    case TensorType::f16:
      return b.half(0);
    case TensorType::q4_0:
      return b.half(0) * (b.nibble(2 + low, upper) - 8);
    case TensorType::q4_1:
      return b.half(0) * b.nibble(4 + low, upper) + b.half(2);
    case TensorType::q5_0:
      return b.half(0) * (b.nibble(6 + low, upper) + 16 * b.bit(2, k) - 16);
    case TensorType::q5_1:
      return b.half(0) * (b.nibble(8 + low, upper) + 16 * b.bit(4, k)) + b.half(2);
    case TensorType::q8_0:
      return b.half(0) * b.signed_byte(2 + k);
    case TensorType::iq4_nl:
      return b.half(0) * kNonLinear[static_cast<int>(b.nibble(2 + low, upper))];
    case TensorType::mxfp4:
      return std::ldexp(kFp4[static_cast<int>(b.nibble(1 + low, upper))],
                        static_cast<int>(b[0]) - 127);
    case TensorType::q2_k:
      return b.half(80) * b.nibble(k / 16, false) * two_bits(b, 16, k) -
             b.half(82) * b.nibble(k / 16, true);
    case TensorType::q3_k: {
      const auto third = static_cast<double>(b[k % 32] >> k / 32 & 1);
      return b.half(108) * q3_scale(b, k / 16) * (two_bits(b, 32, k) + 4 * third - 4);
    }
    case TensorType::q4_k:
      return b.half(0) * k_scale(b, k / 32, false) *
                 b.nibble(16 + 32 * (k / 64) + k % 32, k / 32 % 2 == 1) -
             b.half(2) * k_scale(b, k / 32, true);
    case TensorType::q5_k: {
      const auto fifth = static_cast<double>(b[16 + k % 32] >> k / 32 & 1);
      return b.half(0) * k_scale(b, k / 32, false) *
                 (b.nibble(48 + 32 * (k / 64) + k % 32, k / 32 % 2 == 1) + 16 * fifth) -
             b.half(2) * k_scale(b, k / 32, true);
    }
    case TensorType::q6_k: {
      const std::size_t n = k / 128, t = k % 128 / 32, l = k % 32;
      const double bottom = b.nibble(64 * n + l + 32 * (t % 2), t >= 2);
      const auto top = static_cast<double>(b[128 + 32 * n + l] >> 2 * t & 3);
      return b.half(208) * b.signed_byte(192 + k / 16) * (bottom + 16 * top - 32);
    }
    case TensorType::iq4_xs:
      return b.half(0) * iq4_xs_scale(b, k / 32) *
             kNonLinear[static_cast<int>(b.nibble(8 + 16 * (k / 32) + low, k / 16 % 2 == 1))];
    default:
      FAIL("no formula");
      return 0;
  }
}

// Where the halves of a block are: random ones must not be infinite.
std::vector<std::size_t> half_offsets(TensorType type) {
  switch (type) {
    case TensorType::q4_1:
    case TensorType::q5_1:
    case TensorType::q4_k:
    case TensorType::q5_k:
      return {0, 2};
    case TensorType::q2_k:
      return {80, 82};
    case TensorType::q3_k:
      return {108};
    case TensorType::q6_k:
      return {208};
    case TensorType::mxfp4:
      return {};
    default:
      return {0};
  }
}

std::vector<std::byte> random_block(TensorType type, Random& random) {
  std::vector<std::byte> bytes(block_format(type)->bytes);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.below(256));
  for (const std::size_t at : half_offsets(type)) {
    if ((bytes[at + 1] & std::byte{0x7c}) == std::byte{0x7c}) bytes[at + 1] &= std::byte{0x83};
  }
  if (type == TensorType::mxfp4) bytes[0] &= std::byte{0xfb};  // 255 * 6 is beyond float
  return bytes;
}

constexpr TensorType kTypes[] = {
    TensorType::f16,  TensorType::bf16, TensorType::q4_0,   TensorType::q4_1,   TensorType::q5_0,
    TensorType::q5_1, TensorType::q8_0, TensorType::q2_k,   TensorType::q3_k,   TensorType::q4_k,
    TensorType::q5_k, TensorType::q6_k, TensorType::iq4_nl, TensorType::iq4_xs, TensorType::mxfp4};

TEST_CASE("every element of every block format is its formula, rounded once") {
  const TensorType type = GENERATE(from_range(std::begin(kTypes), std::end(kTypes)));
  CAPTURE(block_format(type)->name);
  REQUIRE(block_format(type)->supported);
  Random random(static_cast<std::uint64_t>(type), Stream::synthesis);
  for (int trial = 0; trial < 100; ++trial) {
    const auto bytes = random_block(type, random);
    std::vector<float> values(block_format(type)->elements);
    REQUIRE(dequantize(type, bytes, values));
    const Block block(bytes);
    for (std::size_t k = 0; k < values.size(); ++k) {
      if (values[k] != static_cast<float>(element(type, block, k))) FAIL("element " << k);
    }
  }
}

TEST_CASE("the smallest exponents of MXFP4 are subnormal, and no code is NaN") {
  std::vector<std::byte> block(17, std::byte{0x22});  // 1.0 in every place
  std::vector<float> values(32);
  for (const auto& [exponent, value] :
       {std::pair{0, 0x1p-127f}, {1, 0x1p-126f}, {2, 0x1p-125f}, {127, 1.0f}, {254, 0x1p127f}}) {
    block[0] = static_cast<std::byte>(exponent);
    REQUIRE(dequantize(TensorType::mxfp4, block, values));
    CHECK(values[31] == value);
  }
  block[0] = std::byte{255};
  REQUIRE(dequantize(TensorType::mxfp4, block, values));
  CHECK(std::isinf(values[0]));
}

TEST_CASE("blocks cut short, too long, or beside the number of values are refused") {
  const TensorType type = GENERATE(from_range(std::begin(kTypes), std::end(kTypes)));
  const BlockFormat& format = *block_format(type);
  const std::vector<std::byte> bytes(3 * format.bytes);
  std::vector<float> values(2 * format.elements);
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    if (dequantize(type, std::span(bytes).first(length), values).has_value() !=
        (length == 2 * format.bytes)) {
      FAIL(format.name << ", " << length << " bytes");
    }
  }
  for (std::size_t count = 0; count <= values.size(); ++count) {
    if (dequantize(type, std::span(bytes).first(format.bytes), std::span(values).first(count))
            .has_value() != (count == format.elements)) {
      FAIL(format.name << ", " << count << " values");
    }
  }
}

TEST_CASE("types that hold no weights are refused by name") {
  std::vector<std::byte> bytes(292);
  std::vector<float> values(256);
  const auto refused = dequantize(TensorType::q8_k, bytes, values);
  REQUIRE(!refused);
  CHECK(refused.error().kind == ErrorKind::unsupported);
  CHECK(refused.error().what == "tensor type Q8_K cannot be converted");
  CHECK(!dequantize(static_cast<TensorType>(5), bytes, values));
}

}  // namespace
}  // namespace pennyweight::test
