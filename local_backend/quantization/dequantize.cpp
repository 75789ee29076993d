// Blocks to floats (docs/numerics.md). Scale times sub-scale times quant is exact in f32; where a
// minimum is added or taken off, that sum is the only rounding.
#include <algorithm>
#include <cstring>
#include <iterator>

#include "local_backend/quantization/block_fields.h"

namespace pennyweight::llm {
namespace {

using Converter = void (*)(const Byte* block, float* out);

void f32(const Byte* block, float* out) {
  std::memcpy(out, block, sizeof *out);
}

void f16(const Byte* block, float* out) {
  *out = load_half(block);
}

void bf16(const Byte* block, float* out) {
  *out = bf16_to_f32(load_u16(block));
}

// Byte j holds elements j (low nibble) and j + 16. `value` makes a float of an element's nibble and
// index.
template <class Value>
void nibbles(const Byte* bytes, float* out, Value value) {
  for (unsigned j = 0; j < 16; ++j) {
    out[j] = value(bytes[j] & 15, j);
    out[j + 16] = value(bytes[j] >> 4, j + 16);
  }
}

void q4_0(const Byte* block, float* out) {
  const float d = load_half(block);
  nibbles(block + 2, out, [&](int q, unsigned) { return d * static_cast<float>(q - 8); });
}

void q4_1(const Byte* block, float* out) {
  const float d = load_half(block), m = load_half(block + 2);
  nibbles(block + 4, out, [&](int q, unsigned) { return d * static_cast<float>(q) + m; });
}

int fifth_bit(std::uint32_t bits, unsigned j) {
  return static_cast<int>(bits >> j & 1) << 4;
}

void q5_0(const Byte* block, float* out) {
  const float d = load_half(block);
  const std::uint32_t high = load_u32(block + 2);
  nibbles(block + 6, out,
          [&](int q, unsigned j) { return d * static_cast<float>((q | fifth_bit(high, j)) - 16); });
}

void q5_1(const Byte* block, float* out) {
  const float d = load_half(block), m = load_half(block + 2);
  const std::uint32_t high = load_u32(block + 4);
  nibbles(block + 8, out,
          [&](int q, unsigned j) { return d * static_cast<float>(q | fifth_bit(high, j)) + m; });
}

void q8_0(const Byte* block, float* out) {
  const float d = load_half(block);
  for (std::size_t j = 0; j < 32; ++j) {
    out[j] = d * static_cast<float>(static_cast<std::int8_t>(block[2 + j]));
  }
}

void iq4_nl(const Byte* block, float* out) {
  const float d = load_half(block);
  nibbles(block + 2, out, [&](int q, unsigned) {
    return d * static_cast<float>(kIq4Values[static_cast<std::size_t>(q)]);
  });
}

void mxfp4(const Byte* block, float* out) {
  const float d = mxfp4_scale(block[0]);
  nibbles(block + 1, out, [&](int q, unsigned) {
    return d * static_cast<float>(kMxfp4Values[static_cast<std::size_t>(q)]);
  });
}

// A half of 128 elements keeps its 2-bit quants in 32 bytes: bits 2t of byte l are element 32t + l.
void q2_k(const Byte* block, float* out) {
  const Byte *scales = block, *quants = block + 16;
  const float d = load_half(block + 80), least = load_half(block + 82);
  for (std::size_t j = 0; j < 16; ++j) {  // sub-blocks of 16
    const float scale = d * static_cast<float>(scales[j] & 15);
    const float minimum = least * static_cast<float>(scales[j] >> 4);
    const Byte* from = quants + j / 8 * 32 + j % 2 * 16;
    for (std::size_t l = 0; l < 16; ++l) {
      out[16 * j + l] = scale * static_cast<float>(from[l] >> (j % 8 / 2 * 2) & 3) - minimum;
    }
  }
}

// The low two bits as Q2_K; bit t of mask byte l is the third of element 32t + l.
void q3_k(const Byte* block, float* out) {
  const Byte *mask = block, *quants = block + 32;
  const auto scales = unpack_q3_scales(block + 96);
  const float d = load_half(block + 108);
  for (std::size_t j = 0; j < 16; ++j) {
    const float scale = d * static_cast<float>(scales[j]);
    const Byte* from = quants + j / 8 * 32 + j % 2 * 16;
    const Byte* third = mask + j % 2 * 16;
    for (std::size_t l = 0; l < 16; ++l) {
      const int q = (from[l] >> (j % 8 / 2 * 2) & 3) | (third[l] >> (j / 2) & 1) << 2;
      out[16 * j + l] = scale * static_cast<float>(q - 4);
    }
  }
}

// Sub-blocks 2p and 2p + 1 of 32 share 32 bytes: low nibbles, high nibbles. Q5_K has the fifth bit
// of sub-block j in bit j of byte l.
void q4_k_or_q5_k(const Byte* block, const Byte* fifth, const Byte* quants, float* out) {
  const float d = load_half(block), least = load_half(block + 2);
  const auto packed = unpack_scales_and_minima(block + 4);
  for (std::size_t j = 0; j < 8; ++j) {
    const float scale = d * static_cast<float>(packed.scales[j]);
    const float minimum = least * static_cast<float>(packed.minima[j]);
    for (std::size_t l = 0; l < 32; ++l) {
      const int low = quants[j / 2 * 32 + l] >> (j % 2 * 4) & 15;
      const int high = fifth != nullptr ? fifth[l] >> j & 1 : 0;
      out[32 * j + l] = scale * static_cast<float>(low | high << 4) - minimum;
    }
  }
}

void q4_k(const Byte* block, float* out) {
  q4_k_or_q5_k(block, nullptr, block + 16, out);
}

void q5_k(const Byte* block, float* out) {
  q4_k_or_q5_k(block, block + 16, block + 48, out);
}

// In each half of 128: byte l of 64 holds elements l and l + 64 in its nibbles; bits 2t of byte l
// of 32 are the high two of element 32t + l.
void q6_k(const Byte* block, float* out) {
  const float d = load_half(block + 208);
  for (std::size_t j = 0; j < 16; ++j) {
    const std::size_t half = j / 8, t = j % 8 / 2, first = j % 2 * 16;
    const Byte* low = block + half * 64 + t % 2 * 32 + first;
    const Byte* high = block + 128 + half * 32 + first;
    const float scale = d * static_cast<float>(static_cast<std::int8_t>(block[192 + j]));
    for (std::size_t l = 0; l < 16; ++l) {
      const int q = (low[l] >> (t / 2 * 4) & 15) | (high[l] >> (2 * t) & 3) << 4;
      out[16 * j + l] = scale * static_cast<float>(q - 32);
    }
  }
}

void iq4_xs(const Byte* block, float* out) {
  const float d = load_half(block);
  const auto scales = unpack_iq4_xs_scales(block + 2, block + 4);
  for (std::size_t j = 0; j < 8; ++j) {
    const float scale = d * static_cast<float>(scales[j]);
    nibbles(block + 8 + 16 * j, out + 32 * j, [&](int q, unsigned) {
      return scale * static_cast<float>(kIq4Values[static_cast<std::size_t>(q)]);
    });
  }
}

struct Entry {
  TensorType type;
  Converter convert;
};
constexpr Entry kConverters[] = {
    {TensorType::f32, f32},     {TensorType::f16, f16},       {TensorType::bf16, bf16},
    {TensorType::q4_0, q4_0},   {TensorType::q4_1, q4_1},     {TensorType::q5_0, q5_0},
    {TensorType::q5_1, q5_1},   {TensorType::q8_0, q8_0},     {TensorType::q2_k, q2_k},
    {TensorType::q3_k, q3_k},   {TensorType::q4_k, q4_k},     {TensorType::q5_k, q5_k},
    {TensorType::q6_k, q6_k},   {TensorType::iq4_nl, iq4_nl}, {TensorType::iq4_xs, iq4_xs},
    {TensorType::mxfp4, mxfp4},
};

}  // namespace

Result<void> dequantize(TensorType type, std::span<const std::byte> blocks, std::span<float> out) {
  if (auto fits = check_conversion(type, blocks.size(), out.size()); !fits) return fits;
  const BlockFormat& format = *block_format(type);
  const auto* entry = std::find_if(std::begin(kConverters), std::end(kConverters),
                                   [&](const Entry& e) { return e.type == type; });
  if (entry == std::end(kConverters)) return fail(ErrorKind::internal, "a type without converter");
  const auto* from = reinterpret_cast<const Byte*>(blocks.data());
  for (std::size_t b = 0; b < out.size() / format.elements; ++b) {
    entry->convert(from + b * format.bytes, out.data() + b * format.elements);
  }
  return {};
}

}  // namespace pennyweight::llm
