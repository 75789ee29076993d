// How the blocks of a matrix lie in its panels of 16 rows. A panel has the size of its rows in the
// file:
//   heads   [blocks][head_bytes / 2][16] 16-bit numbers (MXFP4: [blocks][16] bytes), padded to 64
//           bytes: f16 scales; the second one is the f16 minimum (scale), in IQ4_XS scales_h
//   bodies  of each block, in lines of 64 bytes:
//             [scale_bytes][16] bytes: the sub-blocks' scales
//             the high and then the low bits of the elements' codes, a plane each
// A line of a plane has 4 bytes for each row, so that a 32-bit lane is a row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "local_backend/quantization/block_fields.h"

namespace pennyweight::llm {

// The block's elements in runs; the runs that share bytes are neighbours. With n = 8 / bits,
// element k is in line run / 4 * (k / (n * run)) + k % run / 4, byte k % 4, shifted by bits * (k /
// run % n).
struct BitPlane {
  std::uint8_t bits = 0;  // 0: there is none
  std::uint8_t run = 0;
};

struct PanelLayout {
  TensorType type = TensorType::f32;
  std::uint16_t elements = 0;                    // of a block
  std::uint8_t head_bytes = 0, scale_bytes = 0;  // of one row's block
  BitPlane low, high;                            // code = low + (high << low.bits)

  // The kernels call these at compile time only: see panel_kernels.inc.
  constexpr std::size_t high_offset() const { return scale_bytes * std::size_t{16}; }
  constexpr std::size_t low_offset() const {
    return high_offset() + std::size_t{2} * elements * high.bits;
  }
  constexpr std::size_t body_bytes() const {
    return low_offset() + std::size_t{2} * elements * low.bits;
  }
};

// What the sub-blocks' scales are:
//   Q3_K Q4_K Q5_K  sixteen 6-bit numbers v, four of them in 3 bytes: the low nibbles of v0 and v1,
//                   of v2 and v3, then the 2 high bits of v0 to v3. Q4_K and Q5_K have the scale
//                   and the minimum of each sub-block of 32 in turn; Q3_K has sub-block 4 * (i % 4)
//                   + i / 4 of 16 elements at i.
//   Q2_K Q6_K       a byte for each sub-block of 16, as in the file
//   IQ4_XS          scales_l as in the file
inline constexpr PanelLayout kPanelLayouts[] = {
    {TensorType::q4_0, 32, 2, 0, {4, 16}, {}},
    {TensorType::q4_1, 32, 4, 0, {4, 16}, {}},
    {TensorType::q5_0, 32, 2, 0, {4, 16}, {1, 4}},
    {TensorType::q5_1, 32, 4, 0, {4, 16}, {1, 4}},
    {TensorType::q8_0, 32, 2, 0, {8, 32}, {}},
    {TensorType::iq4_nl, 32, 2, 0, {4, 16}, {}},
    {TensorType::mxfp4, 32, 1, 0, {4, 16}, {}},
    {TensorType::q2_k, 256, 4, 16, {2, 64}, {}},
    {TensorType::q3_k, 256, 2, 12, {2, 64}, {1, 32}},
    {TensorType::q4_k, 256, 4, 12, {4, 32}, {}},
    {TensorType::q5_k, 256, 4, 12, {4, 32}, {1, 32}},
    {TensorType::q6_k, 256, 2, 16, {4, 64}, {2, 64}},
    {TensorType::iq4_xs, 256, 4, 4, {4, 32}, {}},
};

constexpr PanelLayout layout_of(TensorType type) {
  for (const PanelLayout& layout : kPanelLayouts)
    if (layout.type == type) return layout;
  return {};
}

// What 4-bit codes stand for, plus kCodeOffset so that it is unsigned.
struct alignas(16) CodeTable {
  std::uint8_t values[16];
};
inline constexpr int kCodeOffset = 128;

consteval CodeTable raised(const std::array<std::int8_t, 16>& values) {
  CodeTable table{};
  for (std::size_t i = 0; i < 16; ++i)
    table.values[i] = static_cast<std::uint8_t>(values[i] + kCodeOffset);
  return table;
}

inline constexpr CodeTable kRaisedIq4 = raised(kIq4Values);
inline constexpr CodeTable kRaisedMxfp4 = raised(kMxfp4Values);

}  // namespace pennyweight::llm
