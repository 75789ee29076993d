// One row's block between the file's bytes, a panel's planes and its values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "local_backend/quantization/block_formats.h"

namespace pennyweight::llm {

// The parts that kernels/panel_layout.h names. Only those that the type's layout has are set.
struct RowBlock {
  std::array<std::byte, 4> head;
  std::array<std::byte, 16> scales;  // as panels have them
  std::array<std::byte, 256> codes;  // unsigned, one an element
};

// `type` is one that panel_layout.h lists; `bytes` a whole block of a file.
void read_block(TensorType type, const std::byte* bytes, RowBlock& block);
// What `dequantize` makes of the block, as many as it has elements.
void block_values(TensorType type, const RowBlock& block, std::span<float> out);

}  // namespace pennyweight::llm
