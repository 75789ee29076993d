// One block of floats to a block of bytes, for each type; formulas in docs/numerics.md. The floats
// are finite and at most kLargestValue. False: a scale is beyond what a half holds. Private to this
// folder.
#pragma once

#include <bit>

#include "local_backend/quantization/block_fields.h"

namespace pennyweight::llm {

// No format with scales of halves reaches it, and sums of its cubes are still finite.
inline constexpr float kLargestValue = 0x1p30f;

// The nearest integer, ties to even, of |value| <= 2^22. Others give some integer, that of NaN is
// 0: whoever calls clamps.
inline int nearest_integer(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 0x1.8p23f);
  return static_cast<int>(bits & 0x7fffffu) - 0x400000;
}

bool quantize_q4_0(const float* x, Byte* block);
bool quantize_q4_1(const float* x, Byte* block);
bool quantize_q5_0(const float* x, Byte* block);
bool quantize_q5_1(const float* x, Byte* block);
bool quantize_q8_0(const float* x, Byte* block);
bool quantize_mxfp4(const float* x, Byte* block);

bool quantize_q2_k(const float* x, Byte* block);
bool quantize_q3_k(const float* x, Byte* block);
bool quantize_q4_k(const float* x, Byte* block);
bool quantize_q5_k(const float* x, Byte* block);
bool quantize_q6_k(const float* x, Byte* block);

bool quantize_iq4_nl(const float* x, Byte* block);
bool quantize_iq4_xs(const float* x, Byte* block);

}  // namespace pennyweight::llm
