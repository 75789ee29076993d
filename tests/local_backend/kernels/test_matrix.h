// What tests of kernels share: matrices as a file holds them and as the kernels read them,
// activations, and the definition of their product.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "local_backend/kernels/kernels.h"

namespace pennyweight::llm::test {

std::vector<const KernelTable*> all_tables();  // that this CPU has; the portable one is the first
std::vector<float> normals(std::size_t n, std::uint64_t seed, double sigma = 1);
bool same_bits(const std::vector<float>& a, const std::vector<float>& b);  // any NaN equals any NaN

struct TestMatrix {
  // `file` holds `rows` rows of `columns` elements in the file's blocks.
  TestMatrix(TensorType type, std::size_t rows, std::size_t columns, std::vector<std::byte> file);
  std::size_t panels() const;

  PackedMatrix packed;
  std::vector<std::byte> file;

 private:
  std::vector<std::byte> storage_;
};

// Values of the given rows as one activation row in all forms that their length allows, made by
// plain code.
struct TestActivations {
  TestActivations(const std::vector<float>& values, std::size_t rows);
  std::vector<float> values, rounded, scales, scaled_sums, bf16, k_scales;
  std::vector<std::int8_t> quants, k_quants;
  std::vector<std::int32_t> sums;
  std::vector<std::int16_t> k_sums, k_sums32;
  std::vector<Activation> rows;
};

}  // namespace pennyweight::llm::test
