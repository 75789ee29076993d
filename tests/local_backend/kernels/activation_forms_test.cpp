// Activations in the forms that weights take: every table gives the bits of the scalar definition.
#include <bit>
#include <cmath>
#include <limits>

#include "local_backend/model/activation_rows.h"
#include "tests/local_backend/kernels/defined_product.h"
#include "tests/local_backend/kernels/test_matrix.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Blocks of common values, of zeros, of numbers whose reciprocal is infinite, of ties, with NaN and
// with infinity. `block` is 32 or 256.
std::vector<float> awkward_values(std::size_t block) {
  std::vector<float> x = normals(12 * block, 4, 3);
  for (std::size_t i = 0; i < block; ++i) {
    x[i] = 0;
    x[block + i] = i % 2 == 0 ? 1e-40f : -1e-42f;
    x[2 * block + i] = static_cast<float>(i % 255) * 0.5f - 63.5f;
    x[3 * block + i] = kNan;
  }
  x[2 * block] = 127;  // the scale is 1: the other quants are halves of integers
  x[4 * block + 3] = kNan;
  x[5 * block + 9] = kInfinity;
  x[6 * block + 9] = -kInfinity;
  x[7 * block + 5] = -100;  // the largest is negative
  x[8 * block + 5] = -100;  // of two, the first
  x[8 * block + 6] = 100;
  x[9 * block + 30] = 100;
  x[9 * block + 31] = -100;
  for (std::size_t i = 0; i < block; ++i) x[10 * block + i] *= 1e36f;
  return x;
}

}  // namespace

TEST_CASE("Conversion to f16 is IEEE rounding, in every table") {
  std::vector<float> x;
  for (std::uint32_t half = 0; half < 0x7C00; ++half) {  // each half, its neighbours, the midpoints
    const float v = f16_to_f32(static_cast<std::uint16_t>(half));
    const float next = f16_to_f32(static_cast<std::uint16_t>(half + 1));
    const float middle = std::isinf(next) ? 65520.0f : (v + next) / 2;
    for (float y : {v, middle, std::nextafter(middle, 0.0f), std::nextafter(middle, 1e9f)}) {
      x.push_back(y);
      x.push_back(-y);
    }
  }
  for (float y : {1e-30f, 1e30f, std::numeric_limits<float>::infinity(), 1e-45f}) x.push_back(y);
  x.resize(x.size() - 1);  // not a whole number of vectors
  for (const KernelTable* table : all_tables()) {
    INFO(table->name);
    std::vector<std::uint16_t> halves(x.size());
    std::vector<float> rounded(x.size());
    table->to_f16(x.data(), halves.data(), x.size());
    table->round_f16(x.data(), rounded.data(), x.size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      wrong += halves[i] != f32_to_f16(x[i]);
      wrong += std::bit_cast<std::uint32_t>(rounded[i]) !=
               std::bit_cast<std::uint32_t>(f16_to_f32(halves[i]));
    }
    CHECK(wrong == 0);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    table->round_f16(&nan, rounded.data(), 1);
    CHECK(std::isnan(rounded[0]));
  }
}

TEST_CASE("Activations per 32 are quantized as defined, with the sums of their blocks") {
  const std::vector<float> x = awkward_values(32);
  const TestActivations wanted(x, 1);
  for (const KernelTable* table : all_tables()) {
    INFO(table->name);
    std::vector<std::int8_t> quants(x.size());
    std::vector<float> scales(x.size() / 32), scaled_sums(x.size() / 32);
    std::vector<std::int32_t> sums(x.size() / 32);
    table->quantize_q8(x.data(), quants.data(), scales.data(), sums.data(), scaled_sums.data(),
                       x.size());
    CHECK(quants == wanted.quants);
    CHECK(same_bits(scales, wanted.scales));
    CHECK(sums == wanted.sums);
    CHECK(same_bits(scaled_sums, wanted.scaled_sums));
    table->quantize_q8(x.data(), quants.data(), scales.data(), sums.data(), nullptr, x.size());
    CHECK(sums == wanted.sums);
  }
}

TEST_CASE("Activations per 256 have the sign and the quants of the definition, and sums of 16") {
  const std::vector<float> x = awkward_values(256);
  const TestActivations wanted(x, 1);
  CHECK(wanted.k_scales[2] == -1);  // v = 127
  CHECK(wanted.k_quants[2 * 256 + 1] == 63);
  CHECK(wanted.k_quants[2 * 256 + 2] == 62);  // 62.5 and 61.5 go to the even number
  CHECK(wanted.k_quants[2 * 256 + 4] == 62);
  CHECK(wanted.k_quants[8 * 256 + 5] == -127);
  CHECK(wanted.k_scales[8] > 0);
  CHECK(wanted.k_scales[9] < 0);
  CHECK(wanted.k_scales[0] == 0);
  for (const KernelTable* table : all_tables()) {
    INFO(table->name);
    std::vector<std::int8_t> quants(x.size());
    std::vector<float> scales(x.size() / 256);
    std::vector<std::int16_t> sums(x.size() / 16), sums32(x.size() / 32);
    table->quantize_q8k(x.data(), quants.data(), scales.data(), sums.data(), sums32.data(),
                        x.size());
    CHECK(quants == wanted.k_quants);
    CHECK(same_bits(scales, wanted.k_scales));
    CHECK(sums == wanted.k_sums);
    CHECK(sums32 == wanted.k_sums32);
  }
}

TEST_CASE("Rounding to bf16 is to nearest even, in every table") {
  std::vector<float> x;
  for (std::uint32_t top = 0; top < 0x8000; top += 7)
    for (const std::uint32_t low : {0x0000u, 0x0001u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu})
      for (const std::uint32_t sign : {0u, 0x80000000u})
        x.push_back(std::bit_cast<float>(sign | top << 16 | low));
  x.push_back(kInfinity);  // no whole number of vectors
  for (const KernelTable* table : all_tables()) {
    INFO(table->name);
    std::vector<float> rounded(x.size()), wanted;
    table->round_bf16(x.data(), rounded.data(), x.size());
    for (float value : x) wanted.push_back(bf16_to_f32(f32_to_bf16(value)));
    CHECK(same_bits(rounded, wanted));
  }
}

TEST_CASE("Rows of activations take the forms that their consumers need, and no others") {
  const std::vector<float> x = normals(512, 7);
  const TestActivations all(x, 1);
  const auto made = [&](std::initializer_list<TensorType> types) {
    static ActivationRows rows(2, 512);
    std::vector<PackedMatrix> matrices;
    for (const TensorType type : types) matrices.push_back({type, 1, 512, nullptr, 0});
    if (matrices.size() == 1)
      rows.prepare(portable_kernels(), 1, x.data(), 512, {&matrices[0]});
    else
      rows.prepare(portable_kernels(), 1, x.data(), 512, {&matrices[0], &matrices[1]});
    return rows.rows()[1];
  };
  for (const TensorType type : kTypes) {
    INFO(block_format(type)->name);
    const Activation a = made({type});
    const bool k = block_format(type)->elements == 256, q = block_format(type)->elements == 32;
    const bool scaled = type == TensorType::q4_1 || type == TensorType::q5_1;
    CHECK(a.f32 == x.data());
    CHECK((a.rounded != nullptr) == (type == TensorType::f16));
    CHECK((a.bf16 != nullptr) == (type == TensorType::bf16));
    CHECK((a.q8 != nullptr) == q);
    CHECK((a.q8_scaled_sums != nullptr) == scaled);
    CHECK((a.q8k != nullptr) == k);
    std::int64_t unused = 0;
    const auto weights = random_blocks(type, 512, 3);
    CHECK(defined_dot(type, weights.data(), a, 512, unused) ==
          defined_dot(type, weights.data(), all.rows[0], 512, unused));
  }
  const Activation mixed = made({TensorType::q6_k, TensorType::q5_0});
  CHECK(mixed.q8k != nullptr);
  CHECK(mixed.q8 != nullptr);
  CHECK(mixed.q8_scaled_sums == nullptr);
  CHECK(mixed.rounded == nullptr);
}

}  // namespace pennyweight::llm::test
