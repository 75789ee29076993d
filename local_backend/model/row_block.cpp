#include "local_backend/model/row_block.h"

#include <bit>
#include <cstring>

#include "local_backend/kernels/panel_layout.h"

namespace pennyweight::llm {
namespace {

using Bytes16 = std::array<std::uint8_t, 16>;

constexpr std::byte kNibble{15}, kPair{3}, kBit{1};

float half_at(const std::byte* p) {
  std::uint16_t half = 0;
  std::memcpy(&half, p, sizeof half);
  return f16_to_f32(half);
}

// Runs of `run` bytes hold the nibbles of two runs of elements: the low ones are the first.
void read_nibbles(const std::byte* bytes, std::size_t elements, std::size_t run, std::byte* codes) {
  for (std::size_t k = 0; k < elements; k += 2 * run, bytes += run)
    for (std::size_t i = 0; i < run; ++i) {
      codes[k + i] = bytes[i] & kNibble;
      codes[k + run + i] = bytes[i] >> 4;
    }
}

// 32 bytes hold the pairs of bits of four runs of 32 elements.
void read_pairs(const std::byte* bytes, std::byte* codes) {
  for (std::size_t k = 0; k < 256; ++k)
    codes[k] = bytes[k / 128 * 32 + k % 32] >> static_cast<int>(k % 128 / 32 * 2) & kPair;
}

void add_fifth_bits(const std::byte* word, std::byte* codes) {
  for (std::size_t k = 0; k < 32; ++k)
    codes[k] |= (word[k / 8] >> static_cast<int>(k % 8) & kBit) << 4;
}

// Bit k / 32 of byte k % 32.
void add_high_bits(const std::byte* bytes, int shift, std::byte* codes) {
  for (std::size_t k = 0; k < 256; ++k)
    codes[k] |= (bytes[k % 32] >> static_cast<int>(k / 32) & kBit) << shift;
}

void put_six_bits(const Bytes16& v, std::byte* scales) {
  for (std::size_t i = 0; i < 16; i += 4, scales += 3) {
    scales[0] = static_cast<std::byte>((v[i] & 15) | (v[i + 1] & 15) << 4);
    scales[1] = static_cast<std::byte>((v[i + 2] & 15) | (v[i + 3] & 15) << 4);
    scales[2] = static_cast<std::byte>(v[i] >> 4 | v[i + 1] >> 4 << 2 | v[i + 2] >> 4 << 4 |
                                       v[i + 3] >> 4 << 6);
  }
}

Bytes16 get_six_bits(const std::byte* scales) {
  Bytes16 v;
  for (std::size_t i = 0; i < 16; ++i) {
    const std::byte* four = scales + i / 4 * 3;
    const std::byte low = four[i % 4 / 2] >> static_cast<int>(i % 2 * 4) & kNibble;
    const std::byte high = four[2] >> static_cast<int>(i % 4 * 2) & kPair;
    v[i] = static_cast<std::uint8_t>(low | high << 4);
  }
  return v;
}

// Q4_K and Q5_K: scale and minimum in turn.
void read_scales_and_minimums(const std::byte* bytes, std::byte* scales) {
  const auto s = [bytes](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
  Bytes16 v;
  for (std::size_t j = 0; j < 4; ++j) {
    v[2 * j] = static_cast<std::uint8_t>(s(j) & 63);
    v[2 * j + 1] = static_cast<std::uint8_t>(s(j + 4) & 63);
    v[2 * j + 8] = static_cast<std::uint8_t>((s(j + 8) & 15) | s(j) >> 6 << 4);
    v[2 * j + 9] = static_cast<std::uint8_t>(s(j + 8) >> 4 | s(j + 4) >> 6 << 4);
  }
  put_six_bits(v, scales);
}

void read_q3_scales(const std::byte* bytes, std::byte* scales) {
  const auto s = [bytes](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
  Bytes16 v;
  for (std::size_t j = 0; j < 16; ++j) {
    const std::uint32_t low = s(j % 8) >> j / 8 * 4 & 15, high = s(8 + j % 4) >> j / 4 * 2 & 3;
    v[j % 4 * 4 + j / 4] = static_cast<std::uint8_t>(low | high << 4);
  }
  put_six_bits(v, scales);
}

void read_q6(const std::byte* bytes, std::byte* codes) {
  for (std::size_t n = 0; n < 2; ++n, codes += 128) {
    read_nibbles(bytes + n * 64, 128, 64, codes);
    for (std::size_t k = 0; k < 128; ++k)
      codes[k] |= (bytes[128 + n * 32 + k % 32] >> static_cast<int>(k / 32 * 2) & kPair) << 4;
  }
}

// Of sub-block j: value = d * scale * (code - offset) - least * minimum.
struct SubBlocks {
  std::size_t length;
  int offset;
  std::array<int, 16> scale{}, minimum{};
};

SubBlocks sub_blocks(TensorType type, const RowBlock& block) {
  const auto byte = [&](std::size_t i) { return std::to_integer<int>(block.scales[i]); };
  SubBlocks out{type == TensorType::q4_k || type == TensorType::q5_k ? std::size_t{32} : 16, 0};
  if (type == TensorType::q2_k) {
    for (std::size_t j = 0; j < 16; ++j) {
      out.scale[j] = byte(j) & 15;
      out.minimum[j] = byte(j) >> 4;
    }
  } else if (type == TensorType::q6_k) {
    out.offset = 32;
    for (std::size_t j = 0; j < 16; ++j) out.scale[j] = static_cast<std::int8_t>(byte(j));
  } else if (type == TensorType::iq4_xs) {
    out.length = 32;
    const int high = std::to_integer<int>(block.head[2]) | std::to_integer<int>(block.head[3]) << 8;
    for (std::size_t j = 0; j < 8; ++j)
      out.scale[j] = (byte(j / 2) >> j % 2 * 4 & 15) + ((high >> 2 * j & 3) << 4) - 32;
  } else {
    const Bytes16 v = get_six_bits(block.scales.data());
    if (type == TensorType::q3_k) out.offset = 4;
    for (std::size_t j = 0; j < 16; ++j) {
      if (type == TensorType::q3_k) out.scale[j] = v[j % 4 * 4 + j / 4] - 32;
      if (type != TensorType::q3_k) (j % 2 == 0 ? out.scale : out.minimum)[j / 2] = v[j];
    }
  }
  return out;
}

void superblock_values(TensorType type, const RowBlock& block, std::span<float> out) {
  const SubBlocks sub = sub_blocks(type, block);
  const float d = half_at(block.head.data());
  const bool minimums =
      type == TensorType::q2_k || type == TensorType::q4_k || type == TensorType::q5_k;
  const float least = minimums ? half_at(block.head.data() + 2) : 0;
  for (std::size_t k = 0; k < out.size(); ++k) {
    const std::size_t j = k / sub.length;
    const int code = std::to_integer<int>(block.codes[k]);
    const int q = type == TensorType::iq4_xs ? kNonlinearCodes[code] - 128 : code - sub.offset;
    const float value = d * static_cast<float>(sub.scale[j]) * static_cast<float>(q);
    out[k] = minimums ? value - least * static_cast<float>(sub.minimum[j]) : value;
  }
}

}  // namespace

void read_block(TensorType type, const std::byte* bytes, RowBlock& block) {
  const auto copy = [](const std::byte* from, std::size_t n, std::byte* to) {
    std::memcpy(to, from, n);
  };
  std::byte *head = block.head.data(), *scales = block.scales.data(), *codes = block.codes.data();
  switch (type) {
    case TensorType::q8_0:
      copy(bytes, 2, head);
      for (std::size_t k = 0; k < 32; ++k) codes[k] = bytes[2 + k] ^ std::byte{0x80};
      return;
    case TensorType::q4_0:
    case TensorType::iq4_nl:
      copy(bytes, 2, head);
      return read_nibbles(bytes + 2, 32, 16, codes);
    case TensorType::mxfp4:
      copy(bytes, 1, head);
      return read_nibbles(bytes + 1, 32, 16, codes);
    case TensorType::q4_1:
      copy(bytes, 4, head);
      return read_nibbles(bytes + 4, 32, 16, codes);
    case TensorType::q5_0:
      copy(bytes, 2, head);
      read_nibbles(bytes + 6, 32, 16, codes);
      return add_fifth_bits(bytes + 2, codes);
    case TensorType::q5_1:
      copy(bytes, 4, head);
      read_nibbles(bytes + 8, 32, 16, codes);
      return add_fifth_bits(bytes + 4, codes);
    case TensorType::q2_k:
      copy(bytes + 80, 4, head);
      copy(bytes, 16, scales);
      return read_pairs(bytes + 16, codes);
    case TensorType::q3_k:
      copy(bytes + 108, 2, head);
      read_q3_scales(bytes + 96, scales);
      read_pairs(bytes + 32, codes);
      return add_high_bits(bytes, 2, codes);
    case TensorType::q4_k:
      copy(bytes, 4, head);
      read_scales_and_minimums(bytes + 4, scales);
      return read_nibbles(bytes + 16, 256, 32, codes);
    case TensorType::q5_k:
      copy(bytes, 4, head);
      read_scales_and_minimums(bytes + 4, scales);
      read_nibbles(bytes + 48, 256, 32, codes);
      return add_high_bits(bytes + 16, 4, codes);
    case TensorType::q6_k:
      copy(bytes + 208, 2, head);
      copy(bytes + 192, 16, scales);
      return read_q6(bytes, codes);
    case TensorType::iq4_xs:
      copy(bytes, 4, head);
      copy(bytes + 4, 4, scales);
      return read_nibbles(bytes + 8, 256, 16, codes);
    default:
      return;
  }
}

void block_values(TensorType type, const RowBlock& block, std::span<float> out) {
  if (out.size() == 256) return superblock_values(type, block, out);
  const bool floating = type == TensorType::mxfp4, table = floating || type == TensorType::iq4_nl;
  const auto e = std::to_integer<std::uint32_t>(block.head[0]);
  const float d = floating ? std::bit_cast<float>(e > 1 ? (e - 1) << 23 : (e + 1) << 21)
                           : half_at(block.head.data());
  const bool minimum = type == TensorType::q4_1 || type == TensorType::q5_1;
  const float least = minimum ? half_at(block.head.data() + 2) : 0;
  const int offset = type == TensorType::q8_0   ? 128
                     : type == TensorType::q4_0 ? 8
                     : type == TensorType::q5_0 ? 16
                                                : 0;
  for (std::size_t k = 0; k < 32; ++k) {
    const int code = std::to_integer<int>(block.codes[k]);
    const int q = table ? (floating ? kFloat4Codes : kNonlinearCodes)[code] - 128 : code - offset;
    const float value = d * static_cast<float>(q);
    out[k] = minimum ? value + least : value;
  }
}

}  // namespace pennyweight::llm
