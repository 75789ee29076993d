// Activations to 8 bits (docs/numerics.md).
#include <cmath>

#include "local_backend/quantization/block_fields.h"

namespace pennyweight::llm {

void quantize_activations_q8(std::span<const float> values, std::span<std::int8_t> quants,
                             std::span<float> scales) noexcept {
  constexpr std::size_t kBlock = 32;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to nearest even
  for (std::size_t b = 0; b < values.size() / kBlock; ++b) {
    const float* x = &values[b * kBlock];
    float largest = 0;
    for (std::size_t j = 0; j < kBlock; ++j) {
      if (std::fabs(x[j]) > largest) largest = std::fabs(x[j]);
    }
    const float inverse = largest != 0 ? 127.0f / largest : 0.0f;
    scales[b] = f16_to_f32(f32_to_f16(largest / 127.0f));
    for (std::size_t j = 0; j < kBlock; ++j) {
      quants[b * kBlock + j] = quant_or_zero((x[j] * inverse + kRound) - kRound);
    }
  }
}

}  // namespace pennyweight::llm
