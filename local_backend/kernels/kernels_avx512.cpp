#include "local_backend/kernels/instruction_sets.h"
#include "local_backend/kernels/panel_layout.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace pennyweight::llm {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kTileTokens = 6, kWideTokens = 7;
using F = float __attribute__((vector_size(64)));
using I = std::int32_t __attribute__((vector_size(64)));

// All lanes: the forms without a mask warn of uninitialised registers in GCC 12.
constexpr __mmask16 kAll = 0xFFFF;

inline F fma(F a, F b, F c) {
  return _mm512_fmadd_ps(a, b, c);
}

inline F load_halves(const std::uint16_t* p) {
  return _mm512_maskz_cvtph_ps(kAll, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

inline void store_halves(std::uint16_t* p, F v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_maskz_cvtps_ph(kAll, v, _MM_FROUND_TO_NEAREST_INT));
}

inline I load_bytes(const std::byte* p) {
  return reinterpret_cast<I>(
      _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

inline I load_signed_bytes(const std::byte* p) {
  return reinterpret_cast<I>(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

inline I load_words(const std::byte* p) {
  return reinterpret_cast<I>(
      _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
}

inline void store_bytes(std::int8_t* p, I v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm512_maskz_cvtepi32_epi8(kAll, reinterpret_cast<__m512i>(v)));
}

inline std::int32_t sum_lanes(I v) {
  const __m512i lanes = reinterpret_cast<__m512i>(v);
  const __m256i eight = _mm256_add_epi32(_mm512_maskz_extracti32x8_epi32(0xFF, lanes, 0),
                                         _mm512_maskz_extracti32x8_epi32(0xFF, lanes, 1));
  const __m128i four =
      _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

inline I dot4(I acc, I w, std::int32_t a) {
  return reinterpret_cast<I>(_mm512_dpbusd_epi32(
      reinterpret_cast<__m512i>(acc), reinterpret_cast<__m512i>(w), _mm512_set1_epi32(a)));
}

inline I dot4_small(I acc, I w, std::int32_t a) {
  return dot4(acc, w, a);
}

inline I dot2(I acc, I w, std::int32_t a) {
  return reinterpret_cast<I>(_mm512_dpwssd_epi32(
      reinterpret_cast<__m512i>(acc), reinterpret_cast<__m512i>(w), _mm512_set1_epi32(a)));
}

inline I lookup(I codes, const std::uint8_t* table) {
  const __m128i values = _mm_load_si128(reinterpret_cast<const __m128i*>(table));
  return reinterpret_cast<I>(_mm512_shuffle_epi8(_mm512_maskz_broadcast_i32x4(kAll, values),
                                                 reinterpret_cast<__m512i>(codes)));
}

#include "local_backend/kernels/panel_kernels.inc"

}  // namespace

constexpr KernelTable kAvx512Kernels = table("avx512");

}  // namespace pennyweight::llm
#endif
