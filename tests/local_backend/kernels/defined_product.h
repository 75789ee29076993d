// docs/numerics.md in scalar code, straight from a file's bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "local_backend/kernels/kernels.h"

namespace pennyweight::llm::test {

// Every supported type.
inline constexpr TensorType kTypes[] = {
    TensorType::f32,  TensorType::f16,    TensorType::bf16,   TensorType::q4_0,
    TensorType::q4_1, TensorType::q5_0,   TensorType::q5_1,   TensorType::q8_0,
    TensorType::q2_k, TensorType::q3_k,   TensorType::q4_k,   TensorType::q5_k,
    TensorType::q6_k, TensorType::iq4_nl, TensorType::iq4_xs, TensorType::mxfp4};

// A row's dot product with one activation. `largest_sum` becomes the largest magnitude of an
// integer sum of quants, if it was smaller.
float defined_dot(TensorType type, const std::byte* row, const Activation& a, std::size_t columns,
                  std::int64_t& largest_sum);

// Blocks of random bytes, with scales near 1 / 64 of either sign.
std::vector<std::byte> random_blocks(TensorType type, std::size_t values, std::uint64_t seed);
// Blocks that no quantizer makes: quants all alike or at the ends of their range, sub-scales
// likewise, scales of either sign, zero, subnormal and large.
std::vector<std::byte> extreme_blocks(TensorType type, std::size_t values);
// Each code and sub-scale of a block of 256 such that the sum is as large as the type allows.
std::vector<std::byte> largest_blocks(TensorType type, std::size_t values);
// The same scale in all blocks, as a half.
void set_scales(TensorType type, std::uint16_t half, std::vector<std::byte>& blocks);

}  // namespace pennyweight::llm::test
