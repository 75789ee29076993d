// A file's rows become the panels that the kernels read, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "local_backend/kernels/kernels.h"

namespace pennyweight::llm {

// Bytes of one panel of `columns` columns, a multiple of 64; 0 for a type that has no kernel.
std::size_t panel_bytes(TensorType type, std::size_t columns);
constexpr std::size_t panel_count(std::size_t rows) {
  return (rows + kPanelRows - 1) / kPanelRows;
}

// One panel from up to 16 consecutive rows as they are in the file; missing rows become zero.
void pack_panel(TensorType type, std::size_t columns, std::span<const std::byte> rows,
                std::span<std::byte> panel);
// One row as floats: what `dequantize` makes of the file's row. `out` has `columns` floats.
void unpack_row(const PackedMatrix& matrix, std::size_t row, std::span<float> out);

}  // namespace pennyweight::llm
