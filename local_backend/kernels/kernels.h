// The arithmetic of the engine. One definition (docs/numerics.md, "one definition"); every table
// must give the bits of the portable one, which tests compare.
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
inline constexpr std::size_t kMaxHeadLength = 1024;

// One panel of F32 is [K][16] floats, of F16 [K][16] halves, of BF16 [K / 2 rounded up][16][2];
// those of the block types are in panel_layout.h.
struct PackedMatrix {
  TensorType type = TensorType::f32;
  std::size_t rows = 0, columns = 0;  // columns = K
  const std::byte* data = nullptr;    // 64-byte aligned; owned by the model's arena
  std::size_t panel_bytes = 0;
};

// One row of activations in the form that its weights' type needs; the others may stay null.
struct Activation {
  const float* f32 = nullptr;              // K, for F32 weights
  const float* rounded = nullptr;          // K, each rounded to f16, for F16 weights
  const std::int8_t* q8 = nullptr;         // K, for weights in blocks of 32
  const float* q8_scales = nullptr;        // K / 32
  const std::int32_t* q8_sums = nullptr;   // K / 32, of each block's quants
  const float* q8_scaled_sums = nullptr;   // K / 32, scale * sum as f16, for Q4_1 and Q5_1 weights
  const float* bf16 = nullptr;             // K, each rounded to bf16, for BF16 weights
  const std::int8_t* q8k = nullptr;        // K, for weights in blocks of 256
  const float* q8k_scales = nullptr;       // K / 256
  const std::int16_t* q8k_sums = nullptr;    // K / 16, of 16 quants each
  const std::int16_t* q8k_sums32 = nullptr;  // K / 32
};

// Where one key-value head of one layer keeps its past. A block holds kKvBlock positions:
// at `keys` f16 panels of 16 positions, [position / 16][head_length][16]; at `values` f16 rows of
// value_stride, zero beyond head_length.
inline constexpr std::size_t kKvBlock = 64;
struct KvHistory {
  const std::uint16_t* const* blocks;  // of the positions from 0 on
  std::size_t keys, values;            // offsets in each block, in halves
  std::size_t begin, end;              // the positions that are seen; not empty
};
struct AttentionShape {
  std::size_t head_length, value_stride;  // the stride a multiple of 16, at most kMaxHeadLength
  float softcap = 0;                      // > 0: scores become c * tanh(score / c)
};

struct KernelTable {
  std::string_view name;  // "portable", "avx2", "avx512"
  // out[t][r] for the rows r of panels [first_panel, last_panel), of each of `count` activations.
  // out[t] points at that token's row 0 and has room for whole panels.
  void (*multiply)(const PackedMatrix& w, std::size_t first_panel, std::size_t last_panel,
                   const Activation* activations, float* const* out, std::size_t count);
  // out = x / sqrt(mean(x^2) + eps) * weight; the sum in f64, in the fixed order of
  // docs/numerics.md.
  void (*rms_norm)(const float* x, const float* weight, float eps, float* out, std::size_t n);
  // gate[i] = silu(gate[i]) * up[i]
  void (*swiglu)(float* gate, const float* up, std::size_t n);
  // gate[i] = gelu(gate[i]) * up[i], by the tanh form; gelu's argument and value rounded to f16.
  void (*geglu)(float* gate, const float* up, std::size_t n);
  // x[i] = cap * tanh(x[i] / cap)
  void (*softcap)(float* x, float cap, std::size_t n);
  // One query head over its history, in chunks of 256 positions (counted from 0, whatever `begin`
  // is) merged in order. q is already scaled.
  void (*attend)(const float* q, const KvHistory& history, const AttentionShape& shape, float* out);
  // The definition is quantize_activations_q8; the sums as in Activation, scaled ones if not null.
  void (*quantize_q8)(const float* x, std::int8_t* quants, float* scales, std::int32_t* sums,
                      float* scaled_sums, std::size_t n);
  void (*round_f16)(const float* x, float* out, std::size_t n);
  void (*to_f16)(const float* x, std::uint16_t* out, std::size_t n);
  void (*round_bf16)(const float* x, float* out, std::size_t n);
  // n is a multiple of 256 (docs/numerics.md); the sums as in Activation.
  void (*quantize_q8k)(const float* x, std::int8_t* quants, float* scales, std::int16_t* sums,
                       std::int16_t* sums32, std::size_t n);
};

const KernelTable& portable_kernels();
// "auto" or a name; null when this CPU or build does not have it.
const KernelTable* kernels(std::string_view name);

}  // namespace pennyweight::llm
