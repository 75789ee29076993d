#include "local_backend/quantization/block_formats.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "metrics/base/random.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;

std::vector<std::byte> quantized(TensorType type, const std::vector<float>& values) {
  std::vector<std::byte> blocks(row_bytes(type, values.size()).value());
  REQUIRE(quantize(type, values, blocks));
  return blocks;
}

std::vector<float> restored(TensorType type, const std::vector<std::byte>& blocks,
                            std::size_t count) {
  std::vector<float> values(count);
  REQUIRE(dequantize(type, blocks, values));
  return values;
}

TEST_CASE("a block format is found by id and by name in any case") {
  CHECK(block_format(TensorType::q4_0)->name == "Q4_0");
  CHECK(block_format("q6_k")->bytes == 210);
  CHECK(block_format("Q8_0")->supported);
  CHECK(!block_format("Q8_K")->supported);
  CHECK(block_format("Q4_") == nullptr);
  CHECK(block_format(static_cast<TensorType>(4)) == nullptr);
  CHECK(row_bytes(TensorType::q4_0, 64) == 36u);
  CHECK(!row_bytes(TensorType::q4_0, 33));
  CHECK(!row_bytes(TensorType::f64, std::uint64_t{1} << 61));
  CHECK(!row_bytes(static_cast<TensorType>(5), 32));
}

TEST_CASE("every half goes to float and back unchanged") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = f16_to_f32(half);
    if (std::isnan(value)) {
      CHECK(((bits & 0x7c00) == 0x7c00 && (bits & 0x3ff) != 0));
      CHECK(std::isnan(f16_to_f32(f32_to_f16(value))));
    } else if (f32_to_f16(value) != half) {
      FAIL("half " << bits);
    }
  }
}

TEST_CASE("a float becomes the nearest half, ties to even") {
  CHECK(f16_to_f32(0x3c00) == 1.0f);
  CHECK(f16_to_f32(0x0001) == 0x1p-24f);
  CHECK(f16_to_f32(0xfbff) == -65504.0f);
  CHECK(f32_to_f16(65519.0f) == 0x7bff);
  CHECK(f32_to_f16(65520.0f) == 0x7c00);
  CHECK(f32_to_f16(-1e30f) == 0xfc00);
  CHECK(f32_to_f16(0x1p-25f) == 0);  // half of the smallest: to even
  CHECK(f32_to_f16(0x1.000002p-25f) == 1);
  CHECK(f32_to_f16(-0.0f) == 0x8000);
  for (std::uint16_t half = 0; half < 0x7bff; ++half) {  // between each two neighbours
    const float low = f16_to_f32(half), high = f16_to_f32(static_cast<std::uint16_t>(half + 1));
    const float middle = low + (high - low) / 2;
    const auto even = static_cast<std::uint16_t>(half + (half & 1));
    const bool good = f32_to_f16(middle) == even &&
                      f32_to_f16(std::nextafter(middle, 0.0f)) == half &&
                      f32_to_f16(std::nextafter(middle, high)) == half + 1;
    if (!good) FAIL("half " << half);
  }
}

TEST_CASE("Q8_0 rounds halves away from zero, as files have it") {
  std::vector<float> x(32, 0.0f);
  x[0] = 127.0f;  // scale 1
  x[1] = 0.5f, x[2] = -0.5f, x[3] = 1.5f, x[4] = -127.0f;
  const auto block = quantized(TensorType::q8_0, x);
  REQUIRE(block.size() == 34);
  CHECK(block[0] == std::byte{0x00});
  CHECK(block[1] == std::byte{0x3c});
  const auto quant = [&](std::size_t i) { return static_cast<std::int8_t>(block[2 + i]); };
  CHECK(quant(0) == 127);
  CHECK(quant(1) == 1);
  CHECK(quant(2) == -1);
  CHECK(quant(3) == 2);
  CHECK(quant(4) == -127);
}

TEST_CASE("Q4_0 takes its sign from the first of the largest values") {
  std::vector<float> x(32, 0.0f);
  x[0] = -8.0f, x[1] = 8.0f, x[17] = 3.4f, x[31] = -0.6f;  // scale 1
  const auto block = quantized(TensorType::q4_0, x);
  const auto y = restored(TensorType::q4_0, block, 32);
  CHECK(y[0] == -8.0f);
  CHECK(y[1] == 7.0f);  // the other end has one step less
  CHECK(y[17] == 3.0f);
  CHECK(y[31] == -1.0f);
  CHECK(y[2] == 0.0f);
  CHECK(block[2] == std::byte{0x80});  // x[0] low, x[16] high
}

TEST_CASE("quantizing and back stays within half a step of every value") {
  Random random(7, Stream::synthesis);
  std::vector<float> x(4096);
  for (float& v : x) v = static_cast<float>(random.normal());
  struct Limit {
    TensorType type;
    float of_largest;  // half a step, as a share of the block's largest value
  };
  for (const auto [type, share] :
       {Limit{TensorType::f32, 0.0f}, Limit{TensorType::f16, 0x1p-11f},
        Limit{TensorType::q8_0, 0.5f / 127 + 0x1p-11f}, Limit{TensorType::q4_0, 1.01f / 8}}) {
    const auto y = restored(type, quantized(type, x), x.size());
    for (std::size_t b = 0; b < x.size(); b += 32) {
      float largest = 0, worst = 0;
      for (std::size_t i = b; i < b + 32; ++i) {
        largest = std::max(largest, std::fabs(x[i]));
        worst = std::max(worst, std::fabs(x[i] - y[i]));
      }
      CHECK(worst <= share * largest);
    }
  }
}

TEST_CASE("conversion refuses other types, wrong lengths and values that are not finite") {
  std::vector<float> x(32, 1.0f);
  std::vector<std::byte> bytes(34);
  CHECK(!quantize(TensorType::iq1_s, x, bytes));
  CHECK(!dequantize(TensorType::i8, bytes, x));
  CHECK(!quantize(TensorType::q4_0, x, bytes));
  CHECK(!dequantize(TensorType::q8_0, std::span(bytes).first(33), x));
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    x[5] = bad;
    CHECK(!quantize(TensorType::q8_0, x, bytes));
  }
}

TEST_CASE("values too small for a scale become zeros, not garbage") {
  std::vector<float> x(32, 1e-42f);
  for (const auto type : {TensorType::q8_0, TensorType::q4_0}) {
    for (const float y : restored(type, quantized(type, x), 32)) CHECK(y == 0.0f);
  }
}

TEST_CASE("activations round to nearest even with a scale that is a half") {
  std::vector<float> x(64, 0.0f);
  x[0] = 127.0f, x[1] = 0.5f, x[2] = 1.5f, x[3] = -2.5f;
  x[32] = std::numeric_limits<float>::quiet_NaN(), x[33] = -1.0f;
  std::vector<std::int8_t> quants(64);
  std::vector<float> scales(2);
  quantize_activations_q8(x, quants, scales);
  CHECK(scales[0] == 1.0f);
  CHECK(quants[0] == 127);
  CHECK(quants[1] == 0);
  CHECK(quants[2] == 2);
  CHECK(quants[3] == -2);
  CHECK(scales[1] == f16_to_f32(f32_to_f16(1.0f / 127)));
  CHECK(quants[32] == 0);
  CHECK(quants[33] == -127);
}

}  // namespace
}  // namespace pennyweight::test
