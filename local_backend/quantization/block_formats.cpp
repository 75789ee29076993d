#include "local_backend/quantization/block_formats.h"

#include <algorithm>
#include <bit>
#include <iterator>

namespace pennyweight::llm {
namespace {

constexpr BlockFormat kFormats[] = {
    {TensorType::f32, "F32", 1, 4, true},
    {TensorType::f16, "F16", 1, 2, true},
    {TensorType::q4_0, "Q4_0", 32, 18, true},
    {TensorType::q4_1, "Q4_1", 32, 20, true},
    {TensorType::q5_0, "Q5_0", 32, 22, true},
    {TensorType::q5_1, "Q5_1", 32, 24, true},
    {TensorType::q8_0, "Q8_0", 32, 34, true},
    {TensorType::q8_1, "Q8_1", 32, 36, false},
    {TensorType::q2_k, "Q2_K", 256, 84, true},
    {TensorType::q3_k, "Q3_K", 256, 110, true},
    {TensorType::q4_k, "Q4_K", 256, 144, true},
    {TensorType::q5_k, "Q5_K", 256, 176, true},
    {TensorType::q6_k, "Q6_K", 256, 210, true},
    {TensorType::q8_k, "Q8_K", 256, 292, false},
    {TensorType::iq2_xxs, "IQ2_XXS", 256, 66, false},
    {TensorType::iq2_xs, "IQ2_XS", 256, 74, false},
    {TensorType::iq3_xxs, "IQ3_XXS", 256, 98, false},
    {TensorType::iq1_s, "IQ1_S", 256, 50, false},
    {TensorType::iq4_nl, "IQ4_NL", 32, 18, true},
    {TensorType::iq3_s, "IQ3_S", 256, 110, false},
    {TensorType::iq2_s, "IQ2_S", 256, 82, false},
    {TensorType::iq4_xs, "IQ4_XS", 256, 136, true},
    {TensorType::i8, "I8", 1, 1, false},
    {TensorType::i16, "I16", 1, 2, false},
    {TensorType::i32, "I32", 1, 4, false},
    {TensorType::i64, "I64", 1, 8, false},
    {TensorType::f64, "F64", 1, 8, false},
    {TensorType::iq1_m, "IQ1_M", 256, 56, false},
    {TensorType::bf16, "BF16", 1, 2, true},
    {TensorType::tq1_0, "TQ1_0", 256, 54, false},
    {TensorType::tq2_0, "TQ2_0", 256, 66, false},
    {TensorType::mxfp4, "MXFP4", 32, 17, true},
    {TensorType::nvfp4, "NVFP4", 64, 36, false},
    {TensorType::q1_0, "Q1_0", 128, 18, false},
    {TensorType::q2_0, "Q2_0", 64, 18, false},
};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return upper(x) == upper(y); });
}

}  // namespace

const BlockFormat* block_format(TensorType type) {
  const auto* found = std::find_if(std::begin(kFormats), std::end(kFormats),
                                   [&](const BlockFormat& f) { return f.type == type; });
  return found == std::end(kFormats) ? nullptr : found;
}

const BlockFormat* block_format(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kFormats), std::end(kFormats),
                   [&](const BlockFormat& f) { return equal_ignoring_case(f.name, name); });
  return found == std::end(kFormats) ? nullptr : found;
}

std::string supported_types() {
  std::string names;
  for (const BlockFormat& format : kFormats) {
    if (format.supported) names.append(names.empty() ? "" : ", ").append(format.name);
  }
  return names;
}

std::optional<std::uint64_t> row_bytes(TensorType type, std::uint64_t elements) {
  const BlockFormat* format = block_format(type);
  if (format == nullptr || elements % format->elements != 0) return std::nullopt;
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(elements / format->elements, std::uint64_t{format->bytes}, &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

float f16_to_f32(std::uint16_t half) noexcept {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) {  // infinity, or NaN made quiet, as the hardware does
    const std::uint32_t quiet = magnitude > 0x7c00u ? 0x400000u : 0;
    return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13) | quiet);
  }
  if (magnitude < 0x400u) {  // subnormal: an integer times 2^-24, exact
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
}

std::uint16_t f32_to_f16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const auto with_sign = [&](std::uint32_t half) {
    return static_cast<std::uint16_t>(sign | half);
  };
  if (magnitude > 0x7f800000u) return with_sign(0x7e00u | ((magnitude >> 13) & 0x3ffu));  // NaN
  if (magnitude >= 0x477ff000u) return with_sign(0x7c00u);  // 65520 and above round to infinity
  if (magnitude < 0x38800000u) {  // below 2^-14: adding 0.5 aligns the last bit with 2^-24
    const float aligned = std::bit_cast<float>(magnitude) + 0.5f;
    return with_sign(std::bit_cast<std::uint32_t>(aligned) - std::bit_cast<std::uint32_t>(0.5f));
  }
  const std::uint32_t odd = (magnitude >> 13) & 1u;
  return with_sign((magnitude - (112u << 23) + 0xfffu + odd) >> 13);
}

float bf16_to_f32(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

std::uint16_t f32_to_bf16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 64u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace pennyweight::llm
