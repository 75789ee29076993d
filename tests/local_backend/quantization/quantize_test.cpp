#include <cmath>
#include <limits>

#include "local_backend/quantization/block_formats.h"
#include "metrics/base/hash.h"
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

std::vector<float> restored(TensorType type, const std::vector<float>& values) {
  std::vector<float> back(values.size());
  REQUIRE(dequantize(type, quantized(type, values), back));
  return back;
}

// Bell-shaped, from integers alone, so that every machine has the same; then stretches that are all
// zero, all equal, above zero, below it, tiny, and with one far value.
std::vector<float> weights() {
  Random random(3, Stream::synthesis);
  std::vector<float> x(16 * 256);
  for (std::size_t i = 0; i < x.size(); ++i) {
    int sum = -2 * 4095;
    for (int n = 0; n < 4; ++n) sum += static_cast<int>(random.below(4096));
    x[i] = static_cast<float>(sum) * 0x1p-18f;
    const std::size_t block = i / 256, part = i % 256 / 32;
    if (block == 1) x[i] = 0;
    if (block == 2 && part % 2 == 0) x[i] = 0.0125f;
    if (block == 3) x[i] = std::fabs(x[i]) + 0.002f;
    if (block == 4) x[i] = -std::fabs(x[i]) - 0.002f;
    if (block == 5 && part > 3) x[i] *= 1e-20f;
    if (block == 6 && i % 256 == 77) x[i] = 3.0f;
    if (block == 7 && part == 2) x[i] = 0;
    if (block == 8) x[i] = std::round(x[i] * 64) / 64;
  }
  return x;
}

struct Expected {
  TensorType type;
  const char* digest;  // SHA-256 of the blocks, first 16 digits
  double noise;        // power of the error against that of the values, in percent
};

// The bytes are those that llama.cpp's quantizers make of the same values.
constexpr Expected kExpected[] = {
    {TensorType::q4_0, "37e172d67971b92d", 0.68},   {TensorType::q4_1, "46a8bc6b6b888daa", 0.52},
    {TensorType::q5_0, "434f705f78593978", 0.17},   {TensorType::q5_1, "372da128c42c5d75", 0.12},
    {TensorType::q8_0, "2cc4080e80786a44", 0.0025}, {TensorType::q2_k, "76a482d73f13d73b", 8.1},
    {TensorType::q3_k, "812d907f188cefe0", 2},      {TensorType::q4_k, "51a24b9531c2d085", 0.38},
    {TensorType::q5_k, "a526f2888b3521ed", 0.099},  {TensorType::q6_k, "f4d57f582fe5239e", 0.027},
    {TensorType::iq4_nl, "7db62ff8aae94415", 0.54}, {TensorType::iq4_xs, "5093e445aecf0882", 0.55},
    {TensorType::mxfp4, "b8e785e0232648dd", 1.1},   {TensorType::bf16, "f1a0be82e583d3a9", 0.00028},
};

TEST_CASE("quantized blocks are the bytes that files hold, and close to the values") {
  const auto x = weights();
  for (const auto& [type, digest, noise] : kExpected) {
    CAPTURE(block_format(type)->name);
    const auto blocks = quantized(type, x);
    CHECK(pennyweight::sha256(blocks).substr(0, 16) == digest);
    const auto back = restored(type, x);
    double error = 0, power = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (i / 256 == 6) continue;  // one far value would outweigh all others
      error += std::pow(static_cast<double>(x[i]) - static_cast<double>(back[i]), 2);
      power += std::pow(static_cast<double>(x[i]), 2);
    }
    CHECK(100 * error / power <= noise);
  }
}

TEST_CASE("zeros stay zeros, and values too small for a scale become zeros") {
  for (const Expected& expected : kExpected) {
    CAPTURE(block_format(expected.type)->name);
    for (const float value : {0.0f, -0.0f, 1e-42f, -1e-42f}) {
      if (value != 0 && expected.type == TensorType::mxfp4) continue;  // its scales reach 2^-128
      for (const float back : restored(expected.type, std::vector<float>(256, value))) {
        if (back != 0) FAIL(value << " became " << back);
      }
    }
  }
}

TEST_CASE("values that are not finite, or too large for a type, are refused and named") {
  for (const Expected& expected : kExpected) {
    const TensorType type = expected.type;
    CAPTURE(block_format(type)->name);
    std::vector<std::byte> blocks(row_bytes(type, 512).value());
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
          -std::numeric_limits<float>::infinity()}) {
      std::vector<float> x(512, 0.5f);
      x[300] = bad;
      const auto refused = quantize(type, x, blocks);
      REQUIRE(!refused);
      CHECK(refused.error().what == "value 300 is not a finite number");
    }
    for (const float large : {1e10f, 1e20f, std::numeric_limits<float>::max()}) {
      std::vector<float> x(512, 0.5f);
      x[300] = -large;
      std::vector<float> back(512);
      if (quantize(type, x, blocks)) {  // a wide exponent, or nothing lost
        REQUIRE(dequantize(type, blocks, back));
        CHECK(back[300] == Approx(-large).epsilon(0.26));
        CHECK((type == TensorType::bf16 || type == TensorType::mxfp4));
      }
    }
  }
}

TEST_CASE("a value on the step of a format comes back unchanged") {
  // 0 .. 31 with both ends: every format with a minimum and enough levels has these exactly.
  std::vector<float> x(256);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 32) - 16;
  CHECK(restored(TensorType::q5_0, x) == x);
  CHECK(restored(TensorType::q5_1, x) == x);
  CHECK(restored(TensorType::bf16, x) == x);
  const float steps[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.5f, -1, -1.5f, -2, -3, -4, -6, 0};
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = steps[i % 16] * 0x1p-9f;
  CHECK(restored(TensorType::mxfp4, x) == x);
}

TEST_CASE("bfloat16 rounds to nearest even and keeps NaN") {
  CHECK(f32_to_bf16(1.0f) == 0x3f80);
  CHECK(f32_to_bf16(0x1.01p0f) == 0x3f80);  // in the middle: to even
  CHECK(f32_to_bf16(0x1.03p0f) == 0x3f82);
  CHECK(f32_to_bf16(0x1.010002p0f) == 0x3f81);
  CHECK(f32_to_bf16(std::numeric_limits<float>::max()) == 0x7f80);
  CHECK(std::isnan(bf16_to_f32(f32_to_bf16(std::numeric_limits<float>::quiet_NaN()))));
}

}  // namespace
}  // namespace pennyweight::test
