#include "local_backend/model/activation_rows.h"

#include "local_backend/model/packed_matrix.h"

namespace pennyweight::llm {

FloatRows::FloatRows(std::size_t rows, std::size_t length) : rows_(rows) {
  const std::size_t stride = panel_count(length) * kPanelRows;
  data_.resize(rows * stride);
  for (std::size_t i = 0; i < rows; ++i) rows_[i] = data_.data() + i * stride;
}

ActivationRows::ActivationRows(std::size_t rows, std::size_t longest)
    : longest_((longest + 31) / 32 * 32),
      rows_(rows),
      rounded_(rows * longest_),
      scales_(rows * longest_ / 32),
      quants_(rows * longest_),
      sums_(rows * longest_ / 32) {}

void ActivationRows::prepare(const KernelTable& kernels, std::size_t row, const float* x,
                             std::size_t n, std::initializer_list<const PackedMatrix*> consumers) {
  Activation made{.f32 = x};
  for (const PackedMatrix* consumer : consumers) {
    if (consumer->type == TensorType::f16 && made.rounded == nullptr) {
      float* rounded = &rounded_[row * longest_];
      kernels.round_f16(x, rounded, n);
      made.rounded = rounded;
    } else if (consumer->type != TensorType::f16 && consumer->type != TensorType::f32 &&
               made.q8 == nullptr) {
      std::int8_t* quants = &quants_[row * longest_];
      float* scales = &scales_[row * longest_ / 32];
      std::int32_t* sums = &sums_[row * longest_ / 32];
      kernels.quantize_q8(x, quants, scales, sums, n);
      made.q8 = quants;
      made.q8_scales = scales;
      made.q8_sums = sums;
    }
  }
  rows_[row] = made;
}

}  // namespace pennyweight::llm
