#include "local_backend/model/activation_rows.h"

#include <algorithm>

#include "local_backend/model/packed_matrix.h"

namespace pennyweight::llm {

namespace {

enum class ActivationForm { f32, f16, bf16, q8_0, q8_1, q8_k };

ActivationForm activation_form(TensorType weights) {
  switch (weights) {
    case TensorType::f32:
      return ActivationForm::f32;
    case TensorType::f16:
      return ActivationForm::f16;
    case TensorType::bf16:
      return ActivationForm::bf16;
    case TensorType::q4_1:
    case TensorType::q5_1:
      return ActivationForm::q8_1;
    default:
      return block_format(weights)->elements == 256 ? ActivationForm::q8_k : ActivationForm::q8_0;
  }
}

}  // namespace

FloatRows::FloatRows(std::size_t rows, std::size_t length) : rows_(rows) {
  const std::size_t stride = panel_count(length) * kPanelRows;
  data_.resize(rows * stride);
  for (std::size_t i = 0; i < rows; ++i) rows_[i] = data_.data() + i * stride;
}

ActivationRows::ActivationRows(std::size_t rows, std::size_t longest)
    : longest_((longest + 255) / 256 * 256), rows_(rows) {
  const std::size_t n = rows * longest_;
  for (auto* floats : {&f16_, &bf16_}) *floats = std::make_unique_for_overwrite<float[]>(n);
  for (auto* quants : {&q8_, &q8k_}) *quants = std::make_unique_for_overwrite<std::int8_t[]>(n);
  for (auto* scales : {&q8_scales_, &q8_scaled_sums_, &q8k_scales_})
    *scales = std::make_unique_for_overwrite<float[]>(n / 32);
  q8_sums_ = std::make_unique_for_overwrite<std::int32_t[]>(n / 32);
  q8k_sums_ = std::make_unique_for_overwrite<std::int16_t[]>(n / 16);
  q8k_sums32_ = std::make_unique_for_overwrite<std::int16_t[]>(n / 32);
}

void ActivationRows::prepare(const KernelTable& kernels, std::size_t row, const float* x,
                             std::size_t n, std::initializer_list<const PackedMatrix*> consumers) {
  Activation made{.f32 = x};
  const std::size_t at = row * longest_;
  const auto needed = [&](ActivationForm form) {
    return std::ranges::any_of(consumers, [form](const PackedMatrix* consumer) {
      return activation_form(consumer->type) == form;
    });
  };
  if (needed(ActivationForm::f16)) {
    kernels.round_f16(x, &f16_[at], n);
    made.rounded = &f16_[at];
  }
  if (needed(ActivationForm::bf16)) {
    kernels.round_bf16(x, &bf16_[at], n);
    made.bf16 = &bf16_[at];
  }
  const bool scaled = needed(ActivationForm::q8_1);
  if (scaled || needed(ActivationForm::q8_0)) {
    float* scaled_sums = scaled ? &q8_scaled_sums_[at / 32] : nullptr;
    kernels.quantize_q8(x, &q8_[at], &q8_scales_[at / 32], &q8_sums_[at / 32], scaled_sums, n);
    made.q8 = &q8_[at];
    made.q8_scales = &q8_scales_[at / 32];
    made.q8_sums = &q8_sums_[at / 32];
    made.q8_scaled_sums = scaled_sums;
  }
  if (needed(ActivationForm::q8_k)) {
    kernels.quantize_q8k(x, &q8k_[at], &q8k_scales_[at / 256], &q8k_sums_[at / 16],
                         &q8k_sums32_[at / 32], n);
    made.q8k = &q8k_[at];
    made.q8k_scales = &q8k_scales_[at / 256];
    made.q8k_sums = &q8k_sums_[at / 16];
    made.q8k_sums32 = &q8k_sums32_[at / 32];
  }
  rows_[row] = made;
}

}  // namespace pennyweight::llm
