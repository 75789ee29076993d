// A weight matrix as a file holds it and as the kernels read it.
#pragma once

#include <cstddef>
#include <vector>

#include "local_backend/kernels/kernels.h"

namespace pennyweight::llm::test {

struct TestMatrix {
  // `file` holds `rows` rows of `columns` elements in the file's blocks.
  TestMatrix(TensorType type, std::size_t rows, std::size_t columns, std::vector<std::byte> file);
  std::size_t panels() const;

  PackedMatrix packed;
  std::vector<std::byte> file;

 private:
  std::vector<std::byte> storage_;
};

// Values of the given rows as one activation row in all forms, made by plain code.
struct TestActivations {
  TestActivations(const std::vector<float>& values, std::size_t rows);
  std::vector<float> values, rounded, scales;
  std::vector<std::int8_t> quants;
  std::vector<std::int32_t> sums;
  std::vector<Activation> rows;
};

}  // namespace pennyweight::llm::test
