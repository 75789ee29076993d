// To and from blocks. Scales are f16; the quants follow them (docs/numerics.md).
#include <algorithm>
#include <cmath>
#include <cstring>

#include "local_backend/quantization/block_formats.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t kBlock = 32;

std::uint16_t load_half(const std::byte* from) {
  std::uint16_t half = 0;
  std::memcpy(&half, from, sizeof half);
  return half;
}

void store_half(std::byte* to, std::uint16_t half) {
  std::memcpy(to, &half, sizeof half);
}

void dequantize_q8_0(const std::byte* block, float* out) {
  const float d = f16_to_f32(load_half(block));
  for (std::size_t j = 0; j < kBlock; ++j) {
    out[j] = d * static_cast<float>(static_cast<std::int8_t>(block[2 + j]));
  }
}

void dequantize_q4_0(const std::byte* block, float* out) {
  const float d = f16_to_f32(load_half(block));
  for (std::size_t j = 0; j < kBlock / 2; ++j) {
    const int pair = static_cast<int>(block[2 + j]);
    out[j] = d * static_cast<float>((pair & 15) - 8);
    out[j + kBlock / 2] = d * static_cast<float>((pair >> 4) - 8);
  }
}

// Scales so small that 1 / d overflows give quotients that are no numbers: their values are 0.
std::int8_t quant_or_zero(float rounded) {
  return std::fabs(rounded) <= 127.0f ? static_cast<std::int8_t>(rounded) : std::int8_t{0};
}

void quantize_q8_0(const float* x, std::byte* block) {
  float largest = 0;
  for (std::size_t j = 0; j < kBlock; ++j) largest = std::max(largest, std::fabs(x[j]));
  const float d = largest / 127.0f;
  const float inverse = d != 0 ? 1.0f / d : 0.0f;
  store_half(block, f32_to_f16(d));
  for (std::size_t j = 0; j < kBlock; ++j) {
    block[2 + j] = static_cast<std::byte>(quant_or_zero(std::round(x[j] * inverse)));
  }
}

void quantize_q4_0(const float* x, std::byte* block) {
  float largest = 0, signed_largest = 0;  // of equal magnitudes the first gives the sign
  for (std::size_t j = 0; j < kBlock; ++j) {
    if (std::fabs(x[j]) > largest) {
      largest = std::fabs(x[j]);
      signed_largest = x[j];
    }
  }
  const float d = signed_largest / -8.0f;
  const float inverse = d != 0 ? 1.0f / d : 0.0f;
  store_half(block, f32_to_f16(d));
  const auto quant = [&](float value) {
    const float shifted = value * inverse + 8.5f;
    return shifted >= 0 && shifted < 17 ? std::min(15, static_cast<int>(shifted)) : 8;
  };
  for (std::size_t j = 0; j < kBlock / 2; ++j) {
    block[2 + j] = static_cast<std::byte>(quant(x[j]) | quant(x[j + kBlock / 2]) << 4);
  }
}

Error unsupported(TensorType type) {
  const BlockFormat* format = block_format(type);
  return {ErrorKind::unsupported,
          "tensor type " +
              (format != nullptr ? std::string(format->name)
                                 : std::to_string(static_cast<std::uint32_t>(type))) +
              " cannot be converted",
          "supported are F32, F16, Q8_0 and Q4_0", ""};
}

Result<void> check_lengths(TensorType type, std::size_t bytes, std::size_t values) {
  const BlockFormat* format = block_format(type);
  if (format == nullptr || !format->supported) return fail(unsupported(type));
  const auto expected = row_bytes(type, values);
  if (!expected || *expected != bytes) {
    return fail(ErrorKind::internal, std::to_string(values) + " values are not " +
                                         std::to_string(bytes) + " bytes of " +
                                         std::string(format->name));
  }
  return {};
}

}  // namespace

Result<void> dequantize(TensorType type, std::span<const std::byte> blocks, std::span<float> out) {
  if (auto fits = check_lengths(type, blocks.size(), out.size()); !fits) return fits;
  if (out.empty()) return {};
  if (type == TensorType::f32) {
    std::memcpy(out.data(), blocks.data(), blocks.size());
  } else if (type == TensorType::f16) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = f16_to_f32(load_half(&blocks[2 * i]));
  } else {
    const std::size_t bytes = block_format(type)->bytes;
    const auto convert = type == TensorType::q8_0 ? dequantize_q8_0 : dequantize_q4_0;
    for (std::size_t b = 0; b < out.size() / kBlock; ++b) {
      convert(&blocks[b * bytes], &out[b * kBlock]);
    }
  }
  return {};
}

Result<void> quantize(TensorType type, std::span<const float> values, std::span<std::byte> blocks) {
  if (auto fits = check_lengths(type, blocks.size(), values.size()); !fits) return fits;
  if (values.empty()) return {};
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    return fail(ErrorKind::invalid_input,
                "value " + std::to_string(bad - values.begin()) + " is not a finite number");
  }
  if (type == TensorType::f32) {
    std::memcpy(blocks.data(), values.data(), blocks.size());
  } else if (type == TensorType::f16) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      store_half(&blocks[2 * i], f32_to_f16(values[i]));
    }
  } else {
    const std::size_t bytes = block_format(type)->bytes;
    const auto convert = type == TensorType::q8_0 ? quantize_q8_0 : quantize_q4_0;
    for (std::size_t b = 0; b < values.size() / kBlock; ++b) {
      convert(&values[b * kBlock], &blocks[b * bytes]);
    }
  }
  return {};
}

void quantize_activations_q8(std::span<const float> values, std::span<std::int8_t> quants,
                             std::span<float> scales) noexcept {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to nearest even
  for (std::size_t b = 0; b < values.size() / kBlock; ++b) {
    const float* x = &values[b * kBlock];
    float largest = 0;
    for (std::size_t j = 0; j < kBlock; ++j) {
      if (std::fabs(x[j]) > largest) largest = std::fabs(x[j]);
    }
    const float inverse = largest != 0 ? 127.0f / largest : 0.0f;
    scales[b] = f16_to_f32(f32_to_f16(largest / 127.0f));
    for (std::size_t j = 0; j < kBlock; ++j) {
      quants[b * kBlock + j] = quant_or_zero((x[j] * inverse + kRound) - kRound);
    }
  }
}

}  // namespace pennyweight::llm
