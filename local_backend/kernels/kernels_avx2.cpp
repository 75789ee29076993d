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

// Within range: packing saturates.
inline void store_bytes(std::int8_t* p, I v) {
  const __m256i lanes = reinterpret_cast<__m256i>(v);
  const __m128i words =
      _mm_packs_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
}

inline std::int32_t sum_lanes(I v) {
  const __m256i lanes = reinterpret_cast<__m256i>(v);
  const __m128i four =
      _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

// Pairs of 16-bit products: of bytes vpmaddubsw would saturate.
inline I dot4(I acc, I w, std::int32_t a) {
  const __m256i words = reinterpret_cast<__m256i>(w), input = _mm256_set1_epi32(a);
  const __m256i even = _mm256_madd_epi16(_mm256_and_si256(words, _mm256_set1_epi16(0xFF)),
                                         _mm256_srai_epi16(_mm256_slli_epi16(input, 8), 8));
  const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(words, 8), _mm256_srai_epi16(input, 8));
  return acc + reinterpret_cast<I>(even) + reinterpret_cast<I>(odd);
}

// Pairs of products stay below 2 * 127 * 127: nothing saturates.
inline I dot4_small(I acc, I w, std::int32_t a) {
  const __m256i pairs =
      _mm256_maddubs_epi16(reinterpret_cast<__m256i>(w), _mm256_set1_epi32(a));
  return acc + reinterpret_cast<I>(_mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
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
