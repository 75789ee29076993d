#include "local_backend/kernels/kernels.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "local_backend/model/packed_matrix.h"
#include "metrics/base/random.h"
#include "tests/local_backend/kernels/test_matrix.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

std::vector<const KernelTable*> all_tables() {
  std::vector<const KernelTable*> tables;
  for (const char* name : {"portable", "avx2", "avx512"})
    if (const KernelTable* table = kernels(name)) tables.push_back(table);
  return tables;
}

std::vector<float> normals(std::size_t n, std::uint64_t seed, double sigma = 1) {
  Random random(seed, Stream::weights);
  std::vector<float> out(n);
  for (float& x : out) x = static_cast<float>(random.normal() * sigma);
  return out;
}

std::vector<std::byte> file_bytes(TensorType type, const std::vector<float>& values) {
  std::vector<std::byte> bytes(*row_bytes(type, values.size()));
  REQUIRE(quantize(type, values, bytes));
  return bytes;
}

// Blocks that no quantizer makes: every extreme quant, scales of either sign, zero, subnormal,
// large.
std::vector<std::byte> extreme_blocks(TensorType type, std::size_t values) {
  const std::uint16_t scales[] = {0x0000, 0x8000, 0x0001, 0x83FF, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF};
  const std::size_t quants = type == TensorType::q8_0 ? 32 : 16;
  std::vector<std::byte> bytes;
  for (std::size_t b = 0; b < values / 32; ++b) {
    const std::uint16_t scale = scales[b * 5 % 8];
    bytes.push_back(static_cast<std::byte>(scale & 0xFF));
    bytes.push_back(static_cast<std::byte>(scale >> 8));
    const std::byte patterns[] = {std::byte{0x80}, std::byte{0x7F}, std::byte{0x00},
                                  std::byte{0xFF}, std::byte{0xF0}, std::byte{0x0F}};
    for (std::size_t i = 0; i < quants; ++i)
      bytes.push_back(patterns[b % 7 == 6 ? i % 6 : (b + b / 8) % 6]);
  }
  return bytes;
}

float half_at(const std::byte* p) {
  std::uint16_t half;
  std::memcpy(&half, p, 2);
  return f16_to_f32(half);
}

// docs/numerics.md in scalar code, straight from the file's bytes.
float defined_dot(TensorType type, const std::byte* row, const Activation& a, std::size_t columns) {
  float acc = 0;
  if (type == TensorType::f32 || type == TensorType::f16) {
    for (std::size_t k = 0; k < columns; ++k) {
      float w = 0;
      if (type == TensorType::f32)
        std::memcpy(&w, row + 4 * k, 4);
      else
        w = half_at(row + 2 * k);
      acc = std::fma(w, type == TensorType::f32 ? a.f32[k] : a.rounded[k], acc);
    }
    return acc;
  }
  const bool nibbles = type == TensorType::q4_0;
  for (std::size_t b = 0; b < columns / 32; ++b) {
    const std::byte* block = row + b * (nibbles ? 18 : 34);
    int dot = 0;
    for (std::size_t k = 0; k < 32; ++k) {
      int q = 0;
      if (nibbles)
        q = (k < 16 ? std::to_integer<int>(block[2 + k]) & 15
                    : std::to_integer<int>(block[2 + k - 16]) >> 4) -
            8;
      else
        q = static_cast<std::int8_t>(block[2 + k]);
      dot += q * a.q8[32 * b + k];
    }
    acc = std::fma(static_cast<float>(dot), half_at(block) * a.q8_scales[b], acc);
  }
  return acc;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Rows of all tokens, with a mark where nothing may be written.
std::vector<float> product(const KernelTable& table, const TestMatrix& m, std::size_t first,
                           std::size_t last, const TestActivations& a, std::size_t count) {
  const std::size_t stride = m.panels() * kPanelRows;
  std::vector<float> out(count * stride, -777.0f);
  std::vector<float*> rows;
  for (std::size_t t = 0; t < count; ++t) rows.push_back(&out[t * stride]);
  table.multiply(m.packed, first, last, a.rows.data(), rows.data(), count);
  return out;
}

void check_matrix(TensorType type, const TestMatrix& m, const TestActivations& a) {
  const std::size_t columns = m.packed.columns, stride = m.panels() * kPanelRows;
  const std::size_t row = m.file.size() / m.packed.rows;
  std::vector<float> expected(a.rows.size() * stride, 0.0f);
  for (std::size_t t = 0; t < a.rows.size(); ++t)
    for (std::size_t r = 0; r < m.packed.rows; ++r)
      expected[t * stride + r] = defined_dot(type, &m.file[r * row], a.rows[t], columns);
  for (const KernelTable* table : all_tables()) {
    INFO(table->name << " type " << static_cast<int>(type) << " rows " << m.packed.rows
                     << " columns " << columns);
    for (std::size_t count = 1; count <= a.rows.size(); ++count) {
      auto actual = product(*table, m, 0, m.panels(), a, count);
      for (float& x : actual) x += 0.0f;  // padding rows may be -0
      auto wanted = std::vector(expected.begin(),
                                expected.begin() + static_cast<std::ptrdiff_t>(count * stride));
      for (float& x : wanted) x += 0.0f;
      INFO("tokens " << count);
      CHECK(same_bits(actual, wanted));
    }
  }
}

const TensorType kTypes[] = {TensorType::f32, TensorType::f16, TensorType::q8_0, TensorType::q4_0};

}  // namespace

TEST_CASE("Every kernel gives the bits of the written definition, for any batch") {
  for (const TensorType type : kTypes)
    for (const std::size_t rows : {1u, 16u, 33u, 80u}) {
      const std::size_t columns = 96;
      const TestMatrix m(type, rows, columns, file_bytes(type, normals(rows * columns, rows)));
      check_matrix(type, m, TestActivations(normals(13 * columns, 5), 13));
    }
}

TEST_CASE("Real types take any number of columns") {
  for (const TensorType type : {TensorType::f32, TensorType::f16})
    for (const std::size_t columns : {1u, 7u, 50u}) {
      const TestMatrix m(type, 17, columns, file_bytes(type, normals(17 * columns, 2)));
      check_matrix(type, m, TestActivations(normals(3 * columns, 5), 3));
    }
}

TEST_CASE("Extreme blocks and activations are exact too") {
  std::vector<float> x = normals(8 * 128, 3, 50);
  for (std::size_t i = 0; i < 128; ++i) x[i] = i % 2 == 0 ? 127.0f : -127.0f;
  for (std::size_t i = 128; i < 160; ++i) x[i] = 0;
  for (std::size_t i = 256; i < 384; ++i) x[i] = 127.0f;
  for (const TensorType type : {TensorType::q8_0, TensorType::q4_0}) {
    const TestMatrix m(type, 48, 128, extreme_blocks(type, 48 * 128));
    check_matrix(type, m, TestActivations(x, 8));
  }
}

TEST_CASE("A share of the panels leaves the others alone") {
  for (const TensorType type : kTypes) {
    const TestMatrix m(type, 80, 64, file_bytes(type, normals(80 * 64, 8)));
    const TestActivations a(normals(7 * 64, 9), 7);
    for (const KernelTable* table : all_tables()) {
      const auto whole = product(*table, m, 0, 5, a, 7);
      const auto part = product(*table, m, 1, 4, a, 7);
      for (std::size_t i = 0; i < part.size(); ++i) {
        const bool inside = i % 80 >= 16 && i % 80 < 64;
        REQUIRE(part[i] == (inside ? whole[i] : -777.0f));
      }
    }
  }
}

TEST_CASE("Unpacking a packed row gives what the file's row means") {
  for (const TensorType type : kTypes)
    for (const std::size_t rows : {1u, 15u, 16u, 17u, 40u}) {
      const std::size_t columns = 64;
      const TestMatrix m(type, rows, columns, file_bytes(type, normals(rows * columns, rows)));
      std::vector<float> expected(rows * columns), actual(rows * columns);
      REQUIRE(dequantize(type, m.file, expected));
      for (std::size_t r = 0; r < rows; ++r)
        unpack_row(m.packed, r, std::span(actual).subspan(r * columns, columns));
      CHECK(same_bits(actual, expected));
    }
}

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

TEST_CASE("Activations are quantized as defined, with the sums of their blocks") {
  std::vector<float> x = normals(32 * 40, 4, 3);
  for (std::size_t i = 0; i < 32; ++i) x[i] = 0;
  for (std::size_t i = 32; i < 64; ++i) x[i] = i % 2 == 0 ? 1e-40f : -1e-42f;
  for (std::size_t i = 64; i < 96; ++i) x[i] = static_cast<float>(i) * 0.5f - 36;  // ties
  x[100] = std::numeric_limits<float>::quiet_NaN();
  x[130] = std::numeric_limits<float>::infinity();
  std::vector<std::int8_t> wanted(x.size());
  std::vector<float> wanted_scales(x.size() / 32);
  quantize_activations_q8(x, wanted, wanted_scales);
  for (const KernelTable* table : all_tables()) {
    INFO(table->name);
    std::vector<std::int8_t> quants(x.size());
    std::vector<float> scales(x.size() / 32);
    std::vector<std::int32_t> sums(x.size() / 32);
    table->quantize_q8(x.data(), quants.data(), scales.data(), sums.data(), x.size());
    CHECK(quants == wanted);
    CHECK(same_bits(scales, wanted_scales));
    for (std::size_t b = 0; b < sums.size(); ++b) {
      int sum = 0;
      for (std::size_t i = 0; i < 32; ++i) sum += wanted[32 * b + i];
      CHECK(sums[b] == sum);
    }
  }
}

TEST_CASE("Norm and gate are near the real functions and equal in every table") {
  for (const std::size_t n : {1u, 15u, 16u, 100u, 352u}) {
    const auto x = normals(n, n), up = normals(n, n + 1);
    auto gate = normals(n, n + 2, 6);
    if (n > 15)
      gate = [&] {
        auto g = gate;
        g[3] = -200;
        g[4] = 200;
        g[5] = -87.4f;
        return g;
      }();
    std::vector<float> first_norm, first_gate;
    for (const KernelTable* table : all_tables()) {
      INFO(table->name << " n " << n);
      std::vector<float> norm(n), gated = gate;
      table->rms_norm(x.data(), up.data(), 1e-5f, norm.data(), n);
      table->swiglu(gated.data(), up.data(), n);
      if (first_norm.empty()) {
        first_norm = norm;
        first_gate = gated;
      }
      CHECK(same_bits(norm, first_norm));
      CHECK(same_bits(gated, first_gate));
    }
    double squares = 0;
    for (float v : x) squares += static_cast<double>(v) * static_cast<double>(v);
    for (std::size_t i = 0; i < n; ++i) {
      const double scale = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-5);
      CHECK(static_cast<double>(first_norm[i]) ==
            Approx(static_cast<double>(x[i]) * scale * static_cast<double>(up[i])).epsilon(1e-6));
      const double g = static_cast<double>(gate[i]);
      CHECK(
          static_cast<double>(first_gate[i]) ==
          Approx(g / (1 + std::exp(-g)) * static_cast<double>(up[i])).epsilon(1e-6).margin(1e-30));
    }
  }
}

namespace {

struct Attention {
  Attention(std::size_t begin_at, std::size_t n, std::size_t length, float cap = 0)
      : begin(begin_at), positions(n), shape{length, (length + 15) / 16 * 16, cap} {
    const auto k = normals(n * length, n), v = normals(n * length, n + 1);
    q = normals(length, n + 2, 4 / std::sqrt(static_cast<double>(length)));
    const std::size_t block = kKvBlock * (length + shape.value_stride);
    // Keys are NaN where no position is, and blocks lie in no order.
    const std::size_t count = (n + kKvBlock - 1) / kKvBlock;
    memory.assign(count * block, 0x7E00);
    for (std::size_t b = 0; b < count; ++b) blocks.push_back(&memory[(count - 1 - b) * block]);
    for (std::size_t p = 0; p < n; ++p) {
      std::uint16_t* values = at(p) + kKvBlock * length + p % kKvBlock * shape.value_stride;
      std::fill_n(values, shape.value_stride, std::uint16_t{0});
      for (std::size_t d = 0; d < length; ++d) {
        at(p)[key_place(p, d)] = f32_to_f16(k[p * length + d]);
        values[d] = f32_to_f16(v[p * length + d]);
      }
    }
  }
  std::uint16_t* at(std::size_t p) const {
    return const_cast<std::uint16_t*>(blocks[p / kKvBlock]);
  }
  std::size_t key_place(std::size_t p, std::size_t d) const {
    return (p % kKvBlock / 16 * shape.head_length + d) * 16 + p % 16;
  }
  double key(std::size_t p, std::size_t d) const {
    return static_cast<double>(f16_to_f32(at(p)[key_place(p, d)]));
  }
  double value(std::size_t p, std::size_t d) const {
    return static_cast<double>(
        f16_to_f32(at(p)[kKvBlock * shape.head_length + p % kKvBlock * shape.value_stride + d]));
  }
  std::vector<double> reference() const {
    std::vector<double> weights(positions), out(shape.head_length);
    double most = -1e300, sum = 0;
    const double cap = static_cast<double>(shape.softcap);
    for (std::size_t p = begin; p < positions; ++p) {
      for (std::size_t d = 0; d < shape.head_length; ++d)
        weights[p] += static_cast<double>(q[d]) * key(p, d);
      if (cap > 0) weights[p] = cap * std::tanh(weights[p] / cap);
      most = std::max(most, weights[p]);
    }
    for (std::size_t p = begin; p < positions; ++p) sum += weights[p] = std::exp(weights[p] - most);
    for (std::size_t p = begin; p < positions; ++p)
      for (std::size_t d = 0; d < shape.head_length; ++d) out[d] += weights[p] / sum * value(p, d);
    return out;
  }
  KvHistory history() const {
    return {blocks.data(), 0, kKvBlock * shape.head_length, begin, positions};
  }
  std::size_t begin, positions;
  AttentionShape shape;
  std::vector<float> q;
  std::vector<std::uint16_t> memory;
  std::vector<const std::uint16_t*> blocks;
};

void check_attention(const Attention& attention) {
  const auto reference = attention.reference();
  std::vector<float> first;
  for (const KernelTable* table : all_tables()) {
    INFO(table->name << " positions " << attention.begin << " to " << attention.positions
                     << " head length " << attention.shape.head_length);
    std::vector<float> out(attention.shape.head_length);
    table->attend(attention.q.data(), attention.history(), attention.shape, out.data());
    if (first.empty()) first = out;
    CHECK(same_bits(out, first));
  }
  for (std::size_t d = 0; d < reference.size(); ++d)
    CHECK(static_cast<double>(first[d]) == Approx(reference[d]).epsilon(1e-5).margin(1e-5));
}

}  // namespace

TEST_CASE("Attention is near the real softmax and equal in every table") {
  for (const std::size_t length : {2u, 16u, 64u, 80u})
    for (const std::size_t n : {1u, 15u, 16u, 17u, 64u, 65u, 255u, 256u, 257u, 600u})
      check_attention({0, n, length});
}

TEST_CASE("A window sees the positions from its beginning on, wherever that falls") {
  for (const std::size_t begin : {1u, 15u, 16u, 63u, 64u, 100u, 255u, 256u, 300u, 599u})
    for (const std::size_t n : {begin + 1, begin + 7, begin + 70, begin + 256})
      check_attention({begin, n, 16});
}

TEST_CASE("Capped scores are the cap times the hyperbolic tangent") {
  for (const float cap : {0.5f, 5.0f, 50.0f})
    for (const std::size_t n : {1u, 17u, 300u}) check_attention({n / 3, n, 16, cap});
}

TEST_CASE("The gelu gate rounds its argument and value to halves, equal in every table") {
  auto gate = normals(100, 4, 4);
  gate[0] = -200;
  gate[1] = 200;
  gate[2] = 0;
  const auto up = normals(100, 5);
  std::vector<float> first;
  for (const KernelTable* table : all_tables()) {
    INFO(table->name);
    std::vector<float> out = gate;
    table->geglu(out.data(), up.data(), out.size());
    if (first.empty()) first = out;
    CHECK(same_bits(out, first));
  }
  const auto half = [](double x) {
    return static_cast<double>(f16_to_f32(f32_to_f16(static_cast<float>(x))));
  };
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const double x = half(static_cast<double>(gate[i]));
    const double gelu =
        0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1)) * (x + 0.044715 * x * x * x)));
    // A value in the middle between two halves may go either way.
    CHECK(static_cast<double>(first[i]) ==
          Approx(half(gelu) * static_cast<double>(up[i])).epsilon(1e-3).margin(1e-7));
  }
}

TEST_CASE("A capped logit is the cap times the hyperbolic tangent, equal in every table") {
  const auto x = normals(37, 6, 40);
  std::vector<float> first;
  for (const KernelTable* table : all_tables()) {
    std::vector<float> out = x;
    table->softcap(out.data(), 30, out.size());
    if (first.empty()) first = out;
    CHECK(same_bits(out, first));
  }
  for (std::size_t i = 0; i < x.size(); ++i)
    CHECK(static_cast<double>(first[i]) ==
          Approx(30 * std::tanh(static_cast<double>(x[i]) / 30)).margin(1e-5));
}

TEST_CASE("A table is known by its name only where it can run") {
  CHECK(kernels("portable") == &portable_kernels());
  CHECK(kernels("auto") != nullptr);
  CHECK(kernels("sse9") == nullptr);
  CHECK(kernels("") == nullptr);
}

}  // namespace pennyweight::llm::test
