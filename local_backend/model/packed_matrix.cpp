#include "local_backend/model/packed_matrix.h"

#include <algorithm>
#include <cstring>

namespace pennyweight::llm {
namespace {

constexpr std::size_t kBlock = 32;

std::size_t scale_plane_bytes(std::size_t columns) {
  return (columns / kBlock * kPanelRows * 2 + 63) / 64 * 64;
}

void interleave(std::size_t element, std::size_t columns, std::span<const std::byte> rows,
                std::byte* panel) {
  const std::size_t row_size = columns * element;
  for (std::size_t r = 0; r < rows.size() / row_size; ++r)
    for (std::size_t k = 0; k < columns; ++k)
      std::memcpy(panel + (k * kPanelRows + r) * element, &rows[r * row_size + k * element],
                  element);
}

// A block in the file is an f16 scale and `quants` bytes. Four of them make a lane of a line;
// `flip` turns signed bytes into unsigned ones with an offset of 128.
void interleave_blocks(std::size_t quants, std::byte flip, std::size_t columns,
                       std::span<const std::byte> rows, std::byte* panel) {
  const std::size_t blocks = columns / kBlock, row_size = blocks * (2 + quants);
  std::byte* lines = panel + scale_plane_bytes(columns);
  for (std::size_t r = 0; r < rows.size() / row_size; ++r)
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::byte* block = &rows[r * row_size + b * (2 + quants)];
      std::memcpy(panel + (b * kPanelRows + r) * 2, block, 2);
      for (std::size_t i = 0; i < quants; ++i)
        lines[b * quants * kPanelRows + i / 4 * 64 + r * 4 + i % 4] = block[2 + i] ^ flip;
    }
}

float half_at(const std::byte* p) {
  std::uint16_t half;
  std::memcpy(&half, p, sizeof half);
  return f16_to_f32(half);
}

void unpack_blocks(const PackedMatrix& m, const std::byte* panel, std::size_t lane,
                   std::span<float> out) {
  const bool nibbles = m.type == TensorType::q4_0;
  const std::size_t quants = nibbles ? kBlock / 2 : kBlock;
  const std::byte* lines = panel + scale_plane_bytes(m.columns);
  for (std::size_t k = 0; k < m.columns; ++k) {
    const std::size_t b = k / kBlock, i = k % kBlock % quants;
    const float scale = half_at(panel + (b * kPanelRows + lane) * 2);
    const int byte =
        std::to_integer<int>(lines[b * quants * kPanelRows + i / 4 * 64 + lane * 4 + i % 4]);
    const int nibble = k % kBlock < quants ? byte & 15 : byte >> 4;
    out[k] = scale * static_cast<float>(nibbles ? nibble - 8 : byte - 128);
  }
}

}  // namespace

std::size_t panel_bytes(TensorType type, std::size_t columns) {
  const std::size_t blocks = columns / kBlock;
  switch (type) {
    case TensorType::f32:
      return columns * kPanelRows * 4;
    case TensorType::f16:
      return (columns * kPanelRows * 2 + 63) / 64 * 64;
    case TensorType::q8_0:
      return scale_plane_bytes(columns) + blocks * kBlock * kPanelRows;
    case TensorType::q4_0:
      return scale_plane_bytes(columns) + blocks * kBlock * kPanelRows / 2;
    default:
      return 0;
  }
}

void pack_panel(TensorType type, std::size_t columns, std::span<const std::byte> rows,
                std::span<std::byte> panel) {
  std::ranges::fill(panel, std::byte{0});
  switch (type) {
    case TensorType::f32:
      return interleave(4, columns, rows, panel.data());
    case TensorType::f16:
      return interleave(2, columns, rows, panel.data());
    case TensorType::q8_0:
      return interleave_blocks(32, std::byte{0x80}, columns, rows, panel.data());
    case TensorType::q4_0:
      return interleave_blocks(16, std::byte{0}, columns, rows, panel.data());
    default:
      return;
  }
}

void unpack_row(const PackedMatrix& matrix, std::size_t row, std::span<float> out) {
  const std::byte* panel = matrix.data + row / kPanelRows * matrix.panel_bytes;
  const std::size_t lane = row % kPanelRows;
  if (matrix.type == TensorType::q8_0 || matrix.type == TensorType::q4_0)
    return unpack_blocks(matrix, panel, lane, out);
  for (std::size_t k = 0; k < matrix.columns; ++k) {
    const std::size_t at = k * kPanelRows + lane;
    if (matrix.type == TensorType::f16)
      out[k] = half_at(panel + at * 2);
    else
      std::memcpy(&out[k], panel + at * 4, 4);
  }
}

}  // namespace pennyweight::llm
