#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <string>

#include "local_backend/quantization/quantizers.h"

namespace pennyweight::llm {
namespace {

using Converter = void (*)(const float* x, Byte* block);

void f32(const float* x, Byte* block) {
  std::memcpy(block, x, sizeof *x);
}

void f16(const float* x, Byte* block) {
  store_half(block, *x);
}

void bf16(const float* x, Byte* block) {
  const std::uint16_t bits = f32_to_bf16(*x);
  std::memcpy(block, &bits, sizeof bits);
}

struct Entry {
  TensorType type;
  Converter convert;
};
constexpr Entry kConverters[] = {
    {TensorType::f32, f32},
    {TensorType::f16, f16},
    {TensorType::bf16, bf16},
    {TensorType::q4_0, quantize_q4_0},
    {TensorType::q8_0, quantize_q8_0},
};

}  // namespace

Result<void> quantize(TensorType type, std::span<const float> values, std::span<std::byte> blocks) {
  if (auto fits = check_conversion(type, blocks.size(), values.size()); !fits) return fits;
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    return fail(ErrorKind::invalid_input,
                "value " + std::to_string(bad - values.begin()) + " is not a finite number");
  }
  const BlockFormat& format = *block_format(type);
  const auto* entry = std::find_if(std::begin(kConverters), std::end(kConverters),
                                   [&](const Entry& e) { return e.type == type; });
  if (entry == std::end(kConverters)) return fail(ErrorKind::internal, "a type without converter");
  auto* to = reinterpret_cast<Byte*>(blocks.data());
  for (std::size_t b = 0; b < values.size() / format.elements; ++b) {
    entry->convert(values.data() + b * format.elements, to + b * format.bytes);
  }
  return {};
}

}  // namespace pennyweight::llm
