#include "tests/local_backend/kernels/test_matrix.h"

#include "local_backend/model/packed_matrix.h"

namespace pennyweight::llm::test {

TestMatrix::TestMatrix(TensorType type, std::size_t rows, std::size_t columns,
                       std::vector<std::byte> bytes)
    : file(std::move(bytes)) {
  const std::size_t panel = panel_bytes(type, columns), row = file.size() / rows;
  storage_.resize(panel_count(rows) * panel + 64);
  auto start = reinterpret_cast<std::uintptr_t>(storage_.data());
  std::byte* data = storage_.data() + (64 - start % 64) % 64;
  for (std::size_t p = 0; p < panel_count(rows); ++p) {
    const std::size_t first = p * kPanelRows, n = std::min(kPanelRows, rows - first);
    pack_panel(type, columns, std::span(file).subspan(first * row, n * row),
               {data + p * panel, panel});
  }
  packed = {type, rows, columns, data, panel};
}

std::size_t TestMatrix::panels() const {
  return panel_count(packed.rows);
}

TestActivations::TestActivations(const std::vector<float>& v, std::size_t count)
    : values(v), rounded(v.size()), scales(v.size() / 32), quants(v.size()), sums(v.size() / 32) {
  const std::size_t n = v.size() / count;
  for (std::size_t i = 0; i < v.size(); ++i) rounded[i] = f16_to_f32(f32_to_f16(v[i]));
  if (n % 32 == 0) quantize_activations_q8(values, quants, scales);
  for (std::size_t i = 0; i < sums.size() * 32; ++i) sums[i / 32] += quants[i];
  for (std::size_t t = 0; t < count; ++t)
    rows.push_back({&values[t * n], &rounded[t * n], &quants[t * n], scales.data() + t * n / 32,
                    sums.data() + t * n / 32});
}

}  // namespace pennyweight::llm::test
