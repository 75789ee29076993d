// How the blocks of a matrix lie in its panels of 16 rows. A panel has the size of its rows in the
// file:
//   heads   [blocks][head_bytes / 2][16] 16-bit numbers (MXFP4: [blocks][16] bytes), padded to 64
//           bytes: f16 scales; the second one is the f16 minimum (scale), in IQ4_XS scales_h
//   bodies  of each block, in lines of 64 bytes:
//             [scale_bytes][16] bytes: the sub-blocks' scales
//             the high and then the low bits of the elements' codes, a plane each
// A line of a plane has 4 bytes for each row, so that a 32-bit lane is a row.
#pragma once

#include <cstddef>
#include <cstdint>

#include "local_backend/quantization/block_formats.h"

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

consteval PanelLayout layout_of(TensorType type) {
  for (const PanelLayout& layout : kPanelLayouts)
    if (layout.type == type) return layout;
  return {};
}

// Values of the 4-bit codes, plus 128 so that they are unsigned.
alignas(16) inline constexpr std::uint8_t kNonlinearCodes[16] = {
    1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};  // IQ4_NL, IQ4_XS
alignas(16) inline constexpr std::uint8_t kFloat4Codes[16] = {
    128, 129, 130, 131, 132, 134, 136, 140, 128, 127, 126, 125, 124, 122, 120, 116};  // MXFP4, x 2

}  // namespace pennyweight::llm
