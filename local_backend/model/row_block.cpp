#include "local_backend/model/row_block.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "local_backend/kernels/panel_layout.h"
#include "local_backend/quantization/block_fields.h"

namespace pennyweight::llm {
namespace {

// A plane of codes in a file's block, `offset` bytes in. The runs that share bytes are neighbours:
// with n = 8 / bits, element k is in byte run * (k / (n * run)) + k % run, shifted by
// bits * (k / run % n).
struct FilePlane {
  std::uint8_t run = 0, offset = 0;
};

// Where a file's block has what its PanelLayout names.
struct FileLayout {
  TensorType type;
  std::uint8_t head, scales;
  FilePlane low, high;
};

constexpr FileLayout kFileLayouts[] = {
    {TensorType::q4_0, 0, 0, {16, 2}, {}},
    {TensorType::q4_1, 0, 0, {16, 4}, {}},
    {TensorType::q5_0, 0, 0, {16, 6}, {1, 2}},
    {TensorType::q5_1, 0, 0, {16, 8}, {1, 4}},
    {TensorType::q8_0, 0, 0, {32, 2}, {}},
    {TensorType::iq4_nl, 0, 0, {16, 2}, {}},
    {TensorType::mxfp4, 0, 0, {16, 1}, {}},
    {TensorType::q2_k, 80, 0, {32, 16}, {}},
    {TensorType::q3_k, 108, 96, {32, 32}, {32, 0}},
    {TensorType::q4_k, 0, 4, {32, 16}, {}},
    {TensorType::q5_k, 0, 4, {32, 48}, {32, 16}},
    {TensorType::q6_k, 208, 192, {64, 0}, {32, 128}},
    {TensorType::iq4_xs, 0, 4, {16, 8}, {}},
};

struct Layouts {
  explicit Layouts(TensorType type)
      : panel(*std::ranges::find(kPanelLayouts, type, &PanelLayout::type)),
        file(*std::ranges::find(kFileLayouts, type, &FileLayout::type)) {}
  const PanelLayout& panel;
  const FileLayout& file;
};

// Calls visit(byte of the plane, shift, element) for each element of a block.
template <class Visit>
void for_each_code(std::size_t bits, std::size_t run, std::size_t elements, Visit visit) {
  if (bits == 0) return;
  const std::size_t sharing = 8 / bits;
  for (std::size_t first = 0, byte = 0; first < elements; first += sharing * run, byte += run)
    for (std::size_t part = 0; part < sharing; ++part)
      for (std::size_t i = 0; i < run; ++i)
        visit(byte + i, static_cast<int>(part * bits), first + part * run + i);
}

void read_plane(const Byte* bytes, std::size_t bits, std::size_t run, int first_bit,
                std::size_t elements, Byte* codes) {
  const int mask = (1 << bits) - 1;
  for_each_code(bits, run, elements, [=](std::size_t at, int shift, std::size_t k) {
    codes[k] = static_cast<Byte>(codes[k] | (bytes[at] >> shift & mask) << first_bit);
  });
}

void write_plane(const Byte* codes, std::size_t bits, std::size_t run, int first_bit,
                 std::size_t elements, Byte* bytes) {
  const int mask = (1 << bits) - 1;
  for_each_code(bits, run, elements, [=](std::size_t at, int shift, std::size_t k) {
    bytes[at] = static_cast<Byte>(bytes[at] | (codes[k] >> first_bit & mask) << shift);
  });
}

using SixBits = std::array<Byte, 16>;

void put_six_bits(const SixBits& v, Byte* bytes) {
  for (std::size_t i = 0; i < 16; i += 4, bytes += 3) {
    bytes[0] = static_cast<Byte>((v[i] & 15) | (v[i + 1] & 15) << 4);
    bytes[1] = static_cast<Byte>((v[i + 2] & 15) | (v[i + 3] & 15) << 4);
    bytes[2] =
        static_cast<Byte>(v[i] >> 4 | v[i + 1] >> 4 << 2 | v[i + 2] >> 4 << 4 | v[i + 3] >> 4 << 6);
  }
}

SixBits get_six_bits(const Byte* bytes) {
  SixBits v;
  for (std::size_t i = 0; i < 16; ++i) {
    const Byte* four = bytes + i / 4 * 3;
    const int low = four[i % 4 / 2] >> i % 2 * 4 & 15, high = four[2] >> i % 4 * 2 & 3;
    v[i] = static_cast<Byte>(low | high << 4);
  }
  return v;
}

// Where panels have the scale of Q3_K's sub-block j among the sixteen.
constexpr std::size_t q3_place(std::size_t j) {
  return j % 4 * 4 + j / 4;
}

void read_scales(const PanelLayout& layout, const Byte* bytes, Byte* scales) {
  SixBits v;
  if (layout.type == TensorType::q3_k) {
    const auto in_file = unpack_q3_scales(bytes);
    for (std::size_t j = 0; j < 16; ++j) v[q3_place(j)] = static_cast<Byte>(in_file[j] + 32);
    put_six_bits(v, scales);
  } else if (layout.type == TensorType::q4_k || layout.type == TensorType::q5_k) {
    const ScalesAndMinima in_file = unpack_scales_and_minima(bytes);
    for (std::size_t j = 0; j < 16; ++j)
      v[j] = (j % 2 == 0 ? in_file.scales : in_file.minima)[j / 2];
    put_six_bits(v, scales);
  } else {
    std::memcpy(scales, bytes, layout.scale_bytes);
  }
}

void write_scales(const PanelLayout& layout, const Byte* scales, Byte* bytes) {
  if (layout.type == TensorType::q3_k) {
    const SixBits v = get_six_bits(scales);
    std::array<std::int8_t, 16> in_file;
    for (std::size_t j = 0; j < 16; ++j) in_file[j] = static_cast<std::int8_t>(v[q3_place(j)] - 32);
    pack_q3_scales(in_file, bytes);
  } else if (layout.type == TensorType::q4_k || layout.type == TensorType::q5_k) {
    const SixBits v = get_six_bits(scales);
    ScalesAndMinima in_file;
    for (std::size_t j = 0; j < 16; ++j)
      (j % 2 == 0 ? in_file.scales : in_file.minima)[j / 2] = v[j];
    pack_scales_and_minima(in_file, bytes);
  } else {
    std::memcpy(bytes, scales, layout.scale_bytes);
  }
}

// Signed bytes and unsigned codes: the same step is its own way back.
void flip_signs(const PanelLayout& layout, Byte* codes, std::size_t n) {
  if (layout.type == TensorType::q8_0)
    for (std::size_t k = 0; k < n; ++k) codes[k] ^= 0x80;
}

}  // namespace

void read_block(TensorType type, const std::byte* bytes, RowBlock& block) {
  const auto [panel, file] = Layouts(type);
  const auto* from = reinterpret_cast<const Byte*>(bytes);
  Byte* codes = block.codes.data();
  std::memcpy(block.head.data(), from + file.head, panel.head_bytes);
  read_scales(panel, from + file.scales, block.scales.data());
  std::memset(codes, 0, panel.elements);
  read_plane(from + file.low.offset, panel.low.bits, file.low.run, 0, panel.elements, codes);
  read_plane(from + file.high.offset, panel.high.bits, file.high.run, panel.low.bits,
             panel.elements, codes);
  flip_signs(panel, codes, panel.elements);
}

void write_block(TensorType type, const RowBlock& block, std::byte* bytes) {
  const auto [panel, file] = Layouts(type);
  auto* to = reinterpret_cast<Byte*>(bytes);
  std::memset(to, 0, block_format(type)->bytes);
  RowBlock flipped = block;
  const Byte* codes = flipped.codes.data();
  flip_signs(panel, flipped.codes.data(), panel.elements);
  std::memcpy(to + file.head, block.head.data(), panel.head_bytes);
  write_scales(panel, block.scales.data(), to + file.scales);
  write_plane(codes, panel.low.bits, file.low.run, 0, panel.elements, to + file.low.offset);
  write_plane(codes, panel.high.bits, file.high.run, panel.low.bits, panel.elements,
              to + file.high.offset);
}

}  // namespace pennyweight::llm
