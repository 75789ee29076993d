// The block formats of GGUF tensors: sizes, names, and exact conversion to and from float.
// Source of the layouts: the GGUF specification; formulas in docs/numerics.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "metrics/base/result.h"

namespace pennyweight::llm {

// The ids of the file format. Reading a header knows all of them; weights are of `supported` ones.
enum class TensorType : std::uint32_t {
  f32 = 0, f16 = 1, q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8, q8_1 = 9,
  q2_k = 10, q3_k = 11, q4_k = 12, q5_k = 13, q6_k = 14, q8_k = 15,
  iq2_xxs = 16, iq2_xs = 17, iq3_xxs = 18, iq1_s = 19, iq4_nl = 20, iq3_s = 21, iq2_s = 22,
  iq4_xs = 23, i8 = 24, i16 = 25, i32 = 26, i64 = 27, f64 = 28, iq1_m = 29, bf16 = 30,
  tq1_0 = 34, tq2_0 = 35, mxfp4 = 39, nvfp4 = 40, q1_0 = 41, q2_0 = 42,
};

struct BlockFormat {
  TensorType type;
  std::string_view name;   // "Q4_0"
  std::uint32_t elements;  // in a block
  std::uint32_t bytes;     // of a block
  bool supported;          // dequantize, quantize and the kernels take it
};
const BlockFormat* block_format(TensorType type);        // null for an unknown id
const BlockFormat* block_format(std::string_view name);  // any case
std::string supported_types();                           // "F32, F16, ...", for messages
std::optional<std::uint64_t> row_bytes(TensorType type, std::uint64_t elements);  // overflow: empty

float f16_to_f32(std::uint16_t half) noexcept;
std::uint16_t f32_to_f16(float value) noexcept;  // round to nearest even, as IEEE 754
float bf16_to_f32(std::uint16_t bits) noexcept;
std::uint16_t f32_to_bf16(float value) noexcept;  // round to nearest even; NaN stays NaN, quiet

// Whole blocks; `out` has as many floats as `blocks` holds. Unsupported types and other lengths
// fail.
Result<void> dequantize(TensorType type, std::span<const std::byte> blocks, std::span<float> out);
// llama.cpp's rounding, so that files are the same bytes (docs/numerics.md). Refuses NaN and
// infinity.
Result<void> quantize(TensorType type, std::span<const float> values, std::span<std::byte> blocks);

// Activations for Q4_0 and Q8_0 weights: per 32 values d = f16(amax / 127), q = round-to-nearest-even
// (x * 127 / amax). `scales` holds one f32 (exactly an f16) a block. n % 32 == 0. NaN does not count
// in amax; a q that is not a number within [-127, 127] is 0.
void quantize_activations_q8(std::span<const float> values, std::span<std::int8_t> quants,
                             std::span<float> scales) noexcept;

}  // namespace pennyweight::llm
