// The rows that a step's tokens are, and the forms that matrices take them in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "local_backend/kernels/kernels.h"

namespace pennyweight::llm {

// Rows of floats, each 64-byte padded so that kernels may write whole panels.
class FloatRows {
 public:
  FloatRows() = default;
  FloatRows(std::size_t rows, std::size_t length);
  float* operator[](std::size_t row) const { return rows_[row]; }
  float* const* pointers() const { return rows_.data(); }
  std::size_t size() const { return rows_.size(); }

 private:
  std::vector<float> data_;
  std::vector<float*> rows_;
};

// One row after another in the form that matrices take as input.
class ActivationRows {
 public:
  ActivationRows(std::size_t rows, std::size_t longest);
  // Makes what the types of `consumers` need of the `n` floats at `x`, which must outlive the use.
  void prepare(const KernelTable& kernels, std::size_t row, const float* x, std::size_t n,
               std::initializer_list<const PackedMatrix*> consumers);
  const Activation* rows() const { return rows_.data(); }

 private:
  std::size_t longest_;
  std::vector<Activation> rows_;
  // Not touched, so without memory, until a form is made.
  std::unique_ptr<float[]> f16_, bf16_, q8_scales_, q8_scaled_sums_, q8k_scales_;
  std::unique_ptr<std::int8_t[]> q8_, q8k_;
  std::unique_ptr<std::int32_t[]> q8_sums_;
  std::unique_ptr<std::int16_t[]> q8k_sums_, q8k_sums32_;
};

}  // namespace pennyweight::llm
