#include "tests/local_backend/kernels/test_matrix.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "local_backend/model/packed_matrix.h"
#include "metrics/base/random.h"

namespace pennyweight::llm::test {
namespace {

// docs/numerics.md: one row's quants per 256, their scales, and their sums of 16.
void quantize_k(const float* x, std::size_t n, std::int8_t* quants, float* scales,
                std::int16_t* sums) {
  for (std::size_t b = 0; b < n / 256; ++b) {
    float chosen = 0;
    for (std::size_t i = 0; i < 256; ++i)
      if (std::fabs(x[256 * b + i]) > std::fabs(chosen)) chosen = x[256 * b + i];
    const float inverse = chosen != 0 ? -127.0f / chosen : 0.0f;
    scales[b] = chosen != 0 ? 1.0f / inverse : 0.0f;
    for (std::size_t i = 256 * b; i < 256 * (b + 1); ++i) {
      const float product = x[i] * inverse;
      const bool number = std::fabs(product) < 127.5f;
      quants[i] = number ? static_cast<std::int8_t>(std::nearbyint(product)) : std::int8_t{0};
      sums[i / 16] = static_cast<std::int16_t>(sums[i / 16] + quants[i]);
    }
  }
}

float largest_magnitude(const float* x, std::size_t n) {
  float largest = 0;
  for (std::size_t i = 0; i < n; ++i)
    if (std::fabs(x[i]) > largest) largest = std::fabs(x[i]);
  return largest;
}

}  // namespace

std::vector<const KernelTable*> all_tables() {
  std::vector<const KernelTable*> tables;
  for (const char* name : {"portable", "avx2", "avx512"})
    if (const KernelTable* table = kernels(name)) tables.push_back(table);
  return tables;
}

std::vector<float> normals(std::size_t n, std::uint64_t seed, double sigma) {
  Random random(seed, Stream::weights);
  std::vector<float> out(n);
  for (float& x : out) x = static_cast<float>(random.normal() * sigma);
  return out;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::isnan(a[i]) && std::isnan(b[i])) &&
        std::bit_cast<std::uint32_t>(a[i]) != std::bit_cast<std::uint32_t>(b[i]))
      return false;
  return true;
}

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
    : values(v),
      rounded(v.size()),
      scales(v.size() / 32),
      scaled_sums(v.size() / 32),
      bf16(v.size()),
      k_scales(v.size() / 256),
      quants(v.size()),
      k_quants(v.size()),
      sums(v.size() / 32),
      k_sums(v.size() / 16),
      k_sums32(v.size() / 32) {
  const std::size_t n = v.size() / count;
  for (std::size_t i = 0; i < v.size(); ++i) {
    rounded[i] = f16_to_f32(f32_to_f16(v[i]));
    bf16[i] = bf16_to_f32(f32_to_bf16(v[i]));
  }
  if (n % 32 == 0) quantize_activations_q8(values, quants, scales);
  for (std::size_t i = 0; i < sums.size() * 32; ++i) sums[i / 32] += quants[i];
  for (std::size_t b = 0; b < sums.size(); ++b) {
    const float scale = largest_magnitude(&values[32 * b], 32) / 127.0f;
    scaled_sums[b] = f16_to_f32(f32_to_f16(scale * static_cast<float>(sums[b])));
  }
  if (n % 256 == 0)
    quantize_k(values.data(), v.size(), k_quants.data(), k_scales.data(), k_sums.data());
  for (std::size_t i = 0; i < 2 * k_sums32.size(); ++i)
    k_sums32[i / 2] = static_cast<std::int16_t>(k_sums32[i / 2] + k_sums[i]);
  for (std::size_t t = 0; t < count; ++t)
    rows.push_back({&values[t * n], &rounded[t * n], &quants[t * n], scales.data() + t * n / 32,
                    sums.data() + t * n / 32, scaled_sums.data() + t * n / 32, &bf16[t * n],
                    &k_quants[t * n], k_scales.data() + t * n / 256, k_sums.data() + t * n / 16,
                    k_sums32.data() + t * n / 32});
}

}  // namespace pennyweight::llm::test
