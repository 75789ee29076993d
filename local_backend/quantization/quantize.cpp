#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>

#include "local_backend/quantization/quantizers.h"

namespace pennyweight::llm {
namespace {

using Converter = bool (*)(const float* x, Byte* block);

bool f32(const float* x, Byte* block) {
  std::memcpy(block, x, sizeof *x);
  return true;
}

bool f16(const float* x, Byte* block) {
  return std::isfinite(store_half(block, *x));
}

bool bf16(const float* x, Byte* block) {
  const std::uint16_t bits = f32_to_bf16(*x);
  std::memcpy(block, &bits, sizeof bits);
  return std::isfinite(bf16_to_f32(bits));
}

struct Entry {
  TensorType type;
  Converter convert;
  float largest = kLargestValue;
};
constexpr float kAny = std::numeric_limits<float>::max();
constexpr Entry kConverters[] = {
    {TensorType::f32, f32, kAny},          {TensorType::f16, f16},
    {TensorType::bf16, bf16, kAny},        {TensorType::q4_0, quantize_q4_0},
    {TensorType::q4_1, quantize_q4_1},     {TensorType::q5_0, quantize_q5_0},
    {TensorType::q5_1, quantize_q5_1},     {TensorType::q8_0, quantize_q8_0},
    {TensorType::q2_k, quantize_q2_k},     {TensorType::q3_k, quantize_q3_k},
    {TensorType::q4_k, quantize_q4_k},     {TensorType::q5_k, quantize_q5_k},
    {TensorType::q6_k, quantize_q6_k},     {TensorType::iq4_nl, quantize_iq4_nl},
    {TensorType::iq4_xs, quantize_iq4_xs}, {TensorType::mxfp4, quantize_mxfp4, kAny},
};

}  // namespace

Result<void> quantize(TensorType type, std::span<const float> values, std::span<std::byte> blocks) {
  if (auto fits = check_conversion(type, blocks.size(), values.size()); !fits) return fits;
  const BlockFormat& format = *block_format(type);
  const auto* entry = std::find_if(std::begin(kConverters), std::end(kConverters),
                                   [&](const Entry& e) { return e.type == type; });
  if (entry == std::end(kConverters)) return fail(ErrorKind::internal, "a type without converter");
  const auto refuse = [&](std::size_t i, std::string why) {
    return fail(ErrorKind::invalid_input, "value " + std::to_string(i) + std::move(why));
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return refuse(i, " is not a finite number");
  }
  auto* to = reinterpret_cast<Byte*>(blocks.data());
  for (std::size_t i = 0; i < values.size(); i += format.elements, to += format.bytes) {
    const auto block = values.subspan(i, format.elements);
    const bool small = std::all_of(block.begin(), block.end(),
                                   [&](float v) { return std::fabs(v) <= entry->largest; });
    if (!small || !entry->convert(block.data(), to)) {
      return refuse(i, " or one near it is too large for " + std::string(format.name));
    }
  }
  return {};
}

}  // namespace pennyweight::llm
