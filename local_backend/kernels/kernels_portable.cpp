// The definition: plain C++ with vectors of four lanes, for any CPU.
#include "local_backend/kernels/instruction_sets.h"
#include "local_backend/kernels/panel_layout.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t kLanes = 4;
constexpr std::size_t kTileTokens = 2, kWideTokens = 12;
using F = float __attribute__((vector_size(16)));
using I = std::int32_t __attribute__((vector_size(16)));
using Wide = std::uint32_t __attribute__((vector_size(16)));

inline F fma(F a, F b, F c) {
  F out;
  for (std::size_t i = 0; i < kLanes; ++i) out[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return out;
}

// Multiplying by 2^112 moves the exponent, and makes subnormal halves normal; what then reaches
// 2^16 was infinity or NaN.
inline F load_halves(const std::uint16_t* p) {
  const Wide half = {p[0], p[1], p[2], p[3]};
  const F magnitude = reinterpret_cast<F>((half & 0x7FFFu) << 13) * 0x1p112f;
  Wide bits = reinterpret_cast<Wide>(magnitude);
  bits = magnitude >= 65536.0f ? bits | 0x7F800000u : bits;
  return reinterpret_cast<F>(bits | ((half & 0x8000u) << 16));
}

inline std::uint16_t to_half(float value) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  bits &= 0x7FFFFFFFu;
  if (bits > 0x7F800000u)  // NaN stays a quiet NaN
    return static_cast<std::uint16_t>(sign | 0x7E00u | (bits >> 13 & 0x3FFu));
  if (bits >= 0x477FF000u) return static_cast<std::uint16_t>(sign | 0x7C00u);
  if (bits < 0x38800000u) {  // subnormal: adding 0.5 leaves the rounded multiple of 2^-24 below
    float magnitude;
    __builtin_memcpy(&magnitude, &bits, sizeof bits);
    magnitude += 0.5f;
    __builtin_memcpy(&bits, &magnitude, sizeof bits);
    return static_cast<std::uint16_t>(sign | (bits - 0x3F000000u));
  }
  bits += 0xFFFu + (bits >> 13 & 1u);
  return static_cast<std::uint16_t>(sign | ((bits - 0x38000000u) >> 13));
}

inline void store_halves(std::uint16_t* p, F v) {
  for (std::size_t i = 0; i < kLanes; ++i) p[i] = to_half(v[i]);
}

template <class T>
inline I load_numbers(const std::byte* p) {
  T numbers[kLanes];
  __builtin_memcpy(numbers, p, sizeof numbers);
  return I{numbers[0], numbers[1], numbers[2], numbers[3]};
}

inline I load_bytes(const std::byte* p) {
  return load_numbers<std::uint8_t>(p);
}

inline I load_signed_bytes(const std::byte* p) {
  return load_numbers<std::int8_t>(p);
}

inline I load_words(const std::byte* p) {
  return load_numbers<std::uint16_t>(p);
}

inline void store_bytes(std::int8_t* p, I v) {
  for (std::size_t i = 0; i < kLanes; ++i) p[i] = static_cast<std::int8_t>(v[i]);
}

inline std::int32_t sum_lanes(I v) {
  return v[0] + v[1] + v[2] + v[3];
}

inline I dot4(I acc, I w, std::int32_t a) {
  const Wide u = reinterpret_cast<Wide>(w);
  for (int i = 0; i < 4; ++i) {
    const auto x = static_cast<std::int8_t>(static_cast<std::uint32_t>(a) >> 8 * i & 0xFFu);
    acc += reinterpret_cast<I>(u >> 8 * i & 0xFFu) * static_cast<std::int32_t>(x);
  }
  return acc;
}

inline I dot4_small(I acc, I w, std::int32_t a) {
  return dot4(acc, w, a);
}

inline I dot2(I acc, I w, std::int32_t a) {
  const std::int32_t low = static_cast<std::int16_t>(a & 0xFFFF), high = a >> 16;
  return acc + (w << 16 >> 16) * low + (w >> 16) * high;
}

inline I lookup(I codes, const std::uint8_t* table) {
  std::uint8_t bytes[sizeof(I)];
  __builtin_memcpy(bytes, &codes, sizeof bytes);
  for (std::uint8_t& byte : bytes) byte = table[byte];
  __builtin_memcpy(&codes, bytes, sizeof bytes);
  return codes;
}

#include "local_backend/kernels/panel_kernels.inc"

}  // namespace

constexpr KernelTable kPortableKernels = table("portable");

}  // namespace pennyweight::llm
