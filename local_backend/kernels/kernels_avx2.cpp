#include "local_backend/kernels/instruction_sets.h"
#include "local_backend/kernels/panel_layout.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace pennyweight::llm {
namespace {

constexpr std::size_t kLanes = 8;
constexpr std::size_t kTileTokens = 4, kWideTokens = 12;
using F = float __attribute__((vector_size(32)));
using I = std::int32_t __attribute__((vector_size(32)));

inline F fma(F a, F b, F c) {
  return _mm256_fmadd_ps(a, b, c);
}

inline F load_halves(const std::uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

inline void store_halves(std::uint16_t* p, F v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

inline I load_bytes(const std::byte* p) {
  return reinterpret_cast<I>(
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}

inline I load_signed_bytes(const std::byte* p) {
  return reinterpret_cast<I>(
      _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}

inline I load_words(const std::byte* p) {
  return reinterpret_cast<I>(
      _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}

// Pairs of 16-bit products: vpmaddubsw would saturate.
inline I dot4(I acc, I w, std::int32_t a) {
  const __m256i words = reinterpret_cast<__m256i>(w), input = _mm256_set1_epi32(a);
  const __m256i even = _mm256_madd_epi16(_mm256_and_si256(words, _mm256_set1_epi16(0xFF)),
                                         _mm256_srai_epi16(_mm256_slli_epi16(input, 8), 8));
  const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(words, 8), _mm256_srai_epi16(input, 8));
  return acc + reinterpret_cast<I>(even) + reinterpret_cast<I>(odd);
}

inline I dot2(I acc, I w, std::int32_t a) {
  return acc + reinterpret_cast<I>(
                   _mm256_madd_epi16(reinterpret_cast<__m256i>(w), _mm256_set1_epi32(a)));
}

inline I lookup(I codes, const std::uint8_t* table) {
  const __m128i values = _mm_load_si128(reinterpret_cast<const __m128i*>(table));
  return reinterpret_cast<I>(
      _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(values), reinterpret_cast<__m256i>(codes)));
}

#include "local_backend/kernels/panel_kernels.inc"

}  // namespace

constexpr KernelTable kAvx2Kernels = table("avx2");

}  // namespace pennyweight::llm
#endif
