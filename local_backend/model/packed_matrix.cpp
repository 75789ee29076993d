#include "local_backend/model/packed_matrix.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "local_backend/kernels/panel_layout.h"
#include "local_backend/model/row_block.h"

namespace pennyweight::llm {
namespace {

const PanelLayout* find_layout(TensorType type) {
  const auto* found = std::ranges::find(kPanelLayouts, type, &PanelLayout::type);
  return found == std::end(kPanelLayouts) ? nullptr : found;
}

std::size_t whole_lines(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

std::size_t heads_bytes(const PanelLayout& layout, std::size_t blocks) {
  return whole_lines(blocks * layout.head_bytes * kPanelRows);
}

void interleave(std::size_t element, std::size_t columns, std::span<const std::byte> rows,
                std::byte* panel) {
  const std::size_t row_size = columns * element;
  for (std::size_t r = 0; r < rows.size() / row_size; ++r)
    for (std::size_t k = 0; k < columns; ++k)
      std::memcpy(panel + (k * kPanelRows + r) * element, &rows[r * row_size + k * element],
                  element);
}

std::size_t bf16_place(std::size_t k, std::size_t lane) {
  return (k / 2 * kPanelRows + lane) * 4 + k % 2 * 2;
}

void interleave_pairs(std::size_t columns, std::span<const std::byte> rows, std::byte* panel) {
  const std::size_t row_size = columns * 2;
  for (std::size_t r = 0; r < rows.size() / row_size; ++r)
    for (std::size_t k = 0; k < columns; ++k)
      std::memcpy(panel + bf16_place(k, r), &rows[r * row_size + k * 2], 2);
}

// Where one row's part of a panel's block is: its number i of a line of `size` bytes each.
struct RowPlace {
  std::size_t head(const PanelLayout& layout, std::size_t byte) const {
    const std::size_t size = std::min<std::size_t>(layout.head_bytes, 2);
    return (block * layout.head_bytes / size + byte / size) * kPanelRows * size + lane * size +
           byte % size;
  }
  std::size_t body(const PanelLayout& layout) const {
    return heads_bytes(layout, blocks) + block * layout.body_bytes();
  }
  std::size_t block, blocks, lane;
};

// Calls visit(byte offset of the row's lane in the plane, shift, first element) for each four
// elements of a block. The formula is BitPlane's, without its divisions.
template <class Visit>
void for_each_four(const BitPlane& plane, std::size_t elements, std::size_t lane, Visit visit) {
  if (plane.bits == 0) return;
  const std::size_t sharing = 8u / plane.bits;
  std::size_t line = 0;
  for (std::size_t first = 0; first < elements; first += sharing * plane.run)
    for (std::size_t i = 0; i < plane.run; i += 4, ++line)
      for (std::size_t part = 0; part < sharing; ++part)
        visit(line * 64 + lane * 4, static_cast<int>(part) * plane.bits,
              first + part * plane.run + i);
}

std::uint32_t word_at(const void* p) {
  std::uint32_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

// A mask of `bits` bits in each byte.
constexpr std::uint32_t each_byte(int bits) {
  return ((1u << bits) - 1) * 0x01010101u;
}

void put_block(const PanelLayout& layout, const RowBlock& block, const RowPlace& place,
               std::byte* panel) {
  for (std::size_t i = 0; i < layout.head_bytes; ++i)
    panel[place.head(layout, i)] = std::byte{block.head[i]};
  std::byte* body = panel + place.body(layout);
  for (std::size_t i = 0; i < layout.scale_bytes; ++i)
    body[i * kPanelRows + place.lane] = std::byte{block.scales[i]};
  const auto put = [&](const BitPlane& plane, std::size_t offset, int first_bit) {
    for_each_four(
        plane, layout.elements, place.lane, [&](std::size_t at, int shift, std::size_t k) {
          const std::uint32_t four = word_at(&block.codes[k]) >> first_bit & each_byte(plane.bits);
          const std::uint32_t word = word_at(body + offset + at) | four << shift;
          std::memcpy(body + offset + at, &word, sizeof word);
        });
  };
  put(layout.low, layout.low_offset(), 0);
  put(layout.high, layout.high_offset(), layout.low.bits);
}

RowBlock get_block(const PanelLayout& layout, const std::byte* panel, const RowPlace& place) {
  RowBlock block;
  for (std::size_t i = 0; i < layout.head_bytes; ++i)
    block.head[i] = std::to_integer<std::uint8_t>(panel[place.head(layout, i)]);
  const std::byte* body = panel + place.body(layout);
  for (std::size_t i = 0; i < layout.scale_bytes; ++i)
    block.scales[i] = std::to_integer<std::uint8_t>(body[i * kPanelRows + place.lane]);
  std::memset(block.codes.data(), 0, layout.elements);
  const auto get = [&](const BitPlane& plane, std::size_t offset, int first_bit) {
    for_each_four(
        plane, layout.elements, place.lane, [&](std::size_t at, int shift, std::size_t k) {
          const std::uint32_t four = word_at(body + offset + at) >> shift & each_byte(plane.bits);
          const std::uint32_t word = word_at(&block.codes[k]) | four << first_bit;
          std::memcpy(&block.codes[k], &word, sizeof word);
        });
  };
  get(layout.low, layout.low_offset(), 0);
  get(layout.high, layout.high_offset(), layout.low.bits);
  return block;
}

void pack_blocks(const PanelLayout& layout, std::size_t columns, std::span<const std::byte> rows,
                 std::byte* panel) {
  const std::size_t blocks = columns / layout.elements, bytes = block_format(layout.type)->bytes;
  RowBlock block;
  for (std::size_t r = 0; r < rows.size() / (blocks * bytes); ++r)
    for (std::size_t b = 0; b < blocks; ++b) {
      read_block(layout.type, &rows[(r * blocks + b) * bytes], block);
      put_block(layout, block, {b, blocks, r}, panel);
    }
}

void unpack_blocks(const PanelLayout& layout, const std::byte* panel, std::size_t lane,
                   std::span<float> out) {
  const std::size_t blocks = out.size() / layout.elements;
  std::array<std::byte, 256> file;  // no block is longer
  const std::span bytes(file.data(), block_format(layout.type)->bytes);
  for (std::size_t b = 0; b < blocks; ++b) {
    RowBlock block = get_block(layout, panel, {b, blocks, lane});
    write_block(layout.type, block, bytes.data());
    // Cannot fail: the length is one block's.
    (void)dequantize(layout.type, bytes, out.subspan(b * layout.elements, layout.elements));
  }
}

}  // namespace

std::size_t panel_bytes(TensorType type, std::size_t columns) {
  if (type == TensorType::f32) return columns * kPanelRows * 4;
  if (type == TensorType::f16) return whole_lines(columns * kPanelRows * 2);
  if (type == TensorType::bf16) return (columns + 1) / 2 * kPanelRows * 4;
  const PanelLayout* layout = find_layout(type);
  if (layout == nullptr) return 0;
  const std::size_t blocks = (columns + layout->elements - 1) / layout->elements;
  return heads_bytes(*layout, blocks) + blocks * layout->body_bytes();
}

void pack_panel(TensorType type, std::size_t columns, std::span<const std::byte> rows,
                std::span<std::byte> panel) {
  std::ranges::fill(panel, std::byte{0});
  if (type == TensorType::f32) return interleave(4, columns, rows, panel.data());
  if (type == TensorType::f16) return interleave(2, columns, rows, panel.data());
  if (type == TensorType::bf16) return interleave_pairs(columns, rows, panel.data());
  if (const PanelLayout* layout = find_layout(type))
    pack_blocks(*layout, columns, rows, panel.data());
}

void unpack_row(const PackedMatrix& matrix, std::size_t row, std::span<float> out) {
  const std::byte* panel = matrix.data + row / kPanelRows * matrix.panel_bytes;
  const std::size_t lane = row % kPanelRows;
  if (const PanelLayout* layout = find_layout(matrix.type))
    return unpack_blocks(*layout, panel, lane, out);
  for (std::size_t k = 0; k < matrix.columns; ++k) {
    const std::size_t at = k * kPanelRows + lane;
    std::uint16_t half = 0;
    if (matrix.type == TensorType::f32) {
      std::memcpy(&out[k], panel + at * 4, 4);
    } else if (matrix.type == TensorType::f16) {
      std::memcpy(&half, panel + at * 2, 2);
      out[k] = f16_to_f32(half);
    } else {
      std::memcpy(&half, panel + bf16_place(k, lane), 2);
      out[k] = bf16_to_f32(half);
    }
  }
}

}  // namespace pennyweight::llm
