// Two ways to read a block agree: the engine's and the reference's, written apart.
#include "tests/local_backend/reference_blocks.h"

#include <algorithm>
#include <cmath>

#include "metrics/base/random.h"
#include "tests/test.h"

namespace pennyweight::llm::test {

TEST_CASE("The engine and the reference read blocks of every type alike, also of random bits") {
  const TensorType type =
      GENERATE(TensorType::f32, TensorType::f16, TensorType::bf16, TensorType::q4_0,
               TensorType::q4_1, TensorType::q5_0, TensorType::q5_1, TensorType::q8_0,
               TensorType::q2_k, TensorType::q3_k, TensorType::q4_k, TensorType::q5_k,
               TensorType::q6_k, TensorType::iq4_nl, TensorType::iq4_xs, TensorType::mxfp4);
  const BlockFormat& format = *block_format(type);
  INFO(format.name);
  constexpr std::size_t kElements = 256 * 40;
  std::vector<std::byte> bytes(kElements / format.elements * format.bytes);
  Random random(7, Stream::weights, static_cast<std::uint64_t>(type));
  std::vector<float> values(kElements);
  const bool quantized = GENERATE(true, false);
  if (!quantized && (type == TensorType::f32 || type == TensorType::bf16)) return;  // no scale
  if (quantized) {
    for (float& v : values) v = static_cast<float>(random.uniform() - 0.5);
    REQUIRE(quantize(type, values, bytes));
  } else {
    for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(256));
  }
  REQUIRE(dequantize(type, bytes, values));
  std::size_t compared = 0;
  double worst = 0;
  for (std::size_t block = 0; block < kElements; block += 32) {
    // Differences of large terms are rounded as these are; a scale of random bits may be no number.
    double largest = 0, difference = 0;
    for (std::size_t i = block; i < block + 32; ++i) {
      const double reference = block_element(type, bytes, i);
      largest = std::max(largest, std::fabs(reference));
      difference = std::max(difference, std::fabs(static_cast<double>(values[i]) - reference));
    }
    if (!std::isfinite(difference) || largest > 1e30 || largest < 1e-30) continue;
    worst = std::max(worst, difference / largest);
    ++compared;
  }
  CHECK(worst < 2e-6);
  CHECK(compared > kElements / 32 / 4);
}

}  // namespace pennyweight::llm::test
