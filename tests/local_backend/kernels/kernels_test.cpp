#include "local_backend/kernels/kernels.h"

#include <cmath>
#include <vector>

#include "tests/local_backend/kernels/test_matrix.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
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
  KvHistory history() const { return {blocks.data(), 0, kKvBlock * shape.head_length}; }
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
    const AttentionQuery query{attention.q.data(), out.data(), attention.begin,
                               attention.positions};
    table->attend(&query, 1, attention.history(), attention.shape);
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

TEST_CASE("Queries that share a history each get what they get alone") {
  const std::size_t n = 600, length = 48;
  const Attention attention(0, n, length, 20);
  const auto q = normals(9 * length, 8, 0.5);
  struct Range {
    std::size_t begin, end;
  };
  const std::vector<std::vector<Range>> cases{
      {{0, 600}, {0, 600}, {0, 600}, {0, 600}},            // heads of a token
      {{0, 255}, {0, 256}, {0, 257}, {0, 258}, {0, 259}},  // tokens about a chunk's end
      {{60, 511}, {61, 512}, {62, 513}, {63, 514}},        // with a window
      {{255, 300}, {256, 301}, {257, 302}, {258, 303}},
      {{0, 1}, {0, 2}, {0, 3}},
      {{0, 10},
       {590, 600},
       {300, 301},
       {5, 550},
       {0, 600},
       {599, 600},
       {1, 2},
       {100, 400},
       {7, 9}}};
  for (const KernelTable* table : all_tables())
    for (const auto& ranges : cases) {
      std::vector<float> together(ranges.size() * length), alone(together);
      std::vector<AttentionQuery> queries;
      for (std::size_t i = 0; i < ranges.size(); ++i)
        queries.push_back({&q[i * length], &together[i * length], ranges[i].begin, ranges[i].end});
      table->attend(queries.data(), queries.size(), attention.history(), attention.shape);
      for (std::size_t i = 0; i < ranges.size(); ++i) {
        queries[i].out = &alone[i * length];
        table->attend(&queries[i], 1, attention.history(), attention.shape);
      }
      INFO(table->name << ", " << ranges.size() << " queries from " << ranges[0].begin);
      CHECK(same_bits(together, alone));
    }
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
