// One row's block, between the file's bytes and a panel's planes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "local_backend/quantization/block_formats.h"

namespace pennyweight::llm {

// The parts that kernels/panel_layout.h names. Only those that the type's layout has mean anything.
struct RowBlock {
  std::array<std::uint8_t, 4> head;
  std::array<std::uint8_t, 16> scales;  // as panels have them
  std::array<std::uint8_t, 256> codes;  // one an element
};

// The block's bytes in a file, to and fro without loss. `type` is one that panel_layout.h lists.
void read_block(TensorType type, const std::byte* bytes, RowBlock& block);
void write_block(TensorType type, const RowBlock& block, std::byte* bytes);

}  // namespace pennyweight::llm
