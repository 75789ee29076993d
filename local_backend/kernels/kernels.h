// The arithmetic of the engine. One definition (docs/numerics.md, "one definition"); every table must
// give the bits of the portable one, which tests compare.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "local_backend/quantization/block_formats.h"

namespace pennyweight::llm {

// Weights of one matrix, packed in panels of 16 output rows so that each vector lane is a row and K
// runs in order: any vector width then gives the same bits. Rows beyond the last are zero.
inline constexpr std::size_t kPanelRows = 16;

struct PackedMatrix {
  TensorType type = TensorType::f32;
  std::size_t rows = 0, columns = 0;  // columns = K
  const std::byte* data = nullptr;    // 64-byte aligned; owned by the model's arena
  std::size_t panel_bytes = 0;
};

// One row of activations in every form that a weight type needs. Filled by `prepare`.
struct Activation {
  const float* f32 = nullptr;          // K, also used by F32 weights
  const float* rounded = nullptr;      // K, each rounded to f16, for F16 weights
  const std::int8_t* q8 = nullptr;     // K, for Q4_0 and Q8_0 weights
  const float* q8_scales = nullptr;    // K / 32
};

struct KernelTable {
  std::string_view name;  // "portable", "avx2", "avx512"
  // out[r] for the rows of panels [first_panel, last_panel), of each of `count` activations;
  // out[t] points at the start of that token's output row (all rows).
  void (*multiply)(const PackedMatrix& w, std::size_t first_panel, std::size_t last_panel,
                   const Activation* activations, float* const* out, std::size_t count);
  // out = x / sqrt(mean(x^2) + eps) * weight; the sum in f64, in the fixed order of docs/numerics.md.
  void (*rms_norm)(const float* x, const float* weight, float eps, float* out, std::size_t n);
  // gate[i] = silu(gate[i]) * up[i]
  void (*swiglu)(float* gate, const float* up, std::size_t n);
  // One query head over `positions` cached keys and values (f16), in chunks of 256 positions merged in
  // order. q is already scaled by 1/sqrt(head_length).
  void (*attend)(const float* q, const std::uint16_t* keys, const std::uint16_t* values,
                 std::size_t positions, std::size_t stride, std::size_t head_length, float* out);
  void (*quantize_q8)(const float* x, std::int8_t* quants, float* scales, std::size_t n);
  void (*round_f16)(const float* x, float* out, std::size_t n);
};

const KernelTable& portable_kernels();
// "auto" or a name; null when this CPU or build does not have it.
const KernelTable* kernels(std::string_view name);

}  // namespace pennyweight::llm
