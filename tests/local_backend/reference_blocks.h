// The block formats once more, from their formulas, for the float64 reference: element by element,
// shares nothing with the engine's conversions.
#pragma once

#include <cstddef>
#include <vector>

#include "local_backend/quantization/block_formats.h"

namespace pennyweight::llm::test {

using Vector = std::vector<double>;

double rounded_to_half(double x);

// Element `i` of a tensor's bytes.
double block_element(TensorType type, const std::vector<std::byte>& bytes, std::size_t i);
// What is added to every element of the block that `i` lies in; 0 but for Q4_1 and Q5_1.
double block_minimum(TensorType type, const std::vector<std::byte>& bytes, std::size_t i);

// Activations as the type of the weights asks: f16 or bf16 numbers, or 8 bits in blocks of 32 or 256.
Vector rounded_input(TensorType weights, const Vector& x);
// Blocks of 32 for weights with a minimum carry the f16 sum of their values beside them.
Vector rounded_sums(const Vector& x);

}  // namespace pennyweight::llm::test
