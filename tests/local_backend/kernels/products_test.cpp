// Products of every weight type: every table gives the bits of the scalar definition.
#include <cmath>
#include <limits>

#include "local_backend/model/packed_matrix.h"
#include "tests/local_backend/kernels/defined_product.h"
#include "tests/local_backend/kernels/test_matrix.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

std::string_view name_of(TensorType type) {
  return block_format(type)->name;
}

bool real(TensorType type) {
  return block_format(type)->elements == 1;
}

// Some blocks of the type, and a stretch that is no whole panel line.
std::size_t some_columns(TensorType type) {
  return block_format(type)->elements == 256 ? 512 : 96;
}

TestMatrix random_matrix(TensorType type, std::size_t rows, std::size_t columns) {
  return {type, rows, columns, random_blocks(type, rows * columns, rows + columns)};
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

// Returns the largest integer sum that the definition met.
std::int64_t check_matrix(TensorType type, const TestMatrix& m, const TestActivations& a) {
  const std::size_t columns = m.packed.columns, stride = m.panels() * kPanelRows;
  const std::size_t row = m.file.size() / m.packed.rows;
  std::int64_t largest_sum = 0;
  std::vector<float> expected(a.rows.size() * stride, 0.0f);
  for (std::size_t t = 0; t < a.rows.size(); ++t)
    for (std::size_t r = 0; r < m.packed.rows; ++r)
      expected[t * stride + r] =
          defined_dot(type, &m.file[r * row], a.rows[t], columns, largest_sum) + 0.0f;
  for (const KernelTable* table : all_tables())
    for (std::size_t count = 1; count <= a.rows.size(); ++count) {
      auto actual = product(*table, m, 0, m.panels(), a, count);
      for (float& x : actual) x += 0.0f;       // rows may be -0, padding also
      for (std::size_t t = 0; t < count; ++t)  // and what padding is, is not said
        for (std::size_t r = m.packed.rows; r < stride; ++r) actual[t * stride + r] = 0;
      const auto wanted = std::vector(
          expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(count * stride));
      INFO(table->name << ' ' << name_of(type) << ", " << m.packed.rows << " rows of " << columns
                       << ", tokens " << count);
      CHECK(same_bits(actual, wanted));
    }
  return largest_sum;
}

// Rows of 127s, of both signs and in turn, of zeros in places, and of what is large or common.
TestActivations extreme_activations(std::size_t columns) {
  std::vector<float> x = normals(8 * columns, 3, 50);
  for (std::size_t i = 0; i < columns; ++i) {
    x[i] = i % 2 == 0 ? 127.0f : -127.0f;
    x[columns + i] = 127.0f;
    x[2 * columns + i] = -127.0f;
    x[3 * columns + i] = i < columns / 2 ? 0 : 1e-38f;
  }
  return {x, 8};
}

}  // namespace

TEST_CASE("Every kernel gives the bits of the written definition, for any batch") {
  for (const TensorType type : kTypes)
    for (const std::size_t rows : {1u, 16u, 33u, 80u}) {
      const std::size_t columns = some_columns(type);
      check_matrix(type, random_matrix(type, rows, columns),
                   TestActivations(normals(13 * columns, 5), 13));
    }
}

TEST_CASE("Many activations go through the columns in pieces, to the same bits") {
  for (const TensorType type : kTypes) {
    if (real(type)) continue;
    const std::size_t columns = block_format(type)->elements == 256 ? 1280 : 1056;
    check_matrix(type, random_matrix(type, 48, columns), TestActivations(normals(20 * columns, 7), 20));
  }
}

TEST_CASE("Real types take any number of columns") {
  for (const TensorType type : {TensorType::f32, TensorType::f16, TensorType::bf16})
    for (const std::size_t columns : {1u, 7u, 50u})
      check_matrix(type, random_matrix(type, 17, columns),
                   TestActivations(normals(3 * columns, 5), 3));
}

TEST_CASE("Extreme blocks and activations are exact too") {
  for (const TensorType type : kTypes) {
    if (real(type)) continue;
    const std::size_t columns = block_format(type)->elements == 32 ? 128 : 512;
    check_matrix(type, TestMatrix(type, 48, columns, extreme_blocks(type, 48 * columns)),
                 extreme_activations(columns));
  }
}

TEST_CASE("Integer sums reach their bounds and no further, and are exact there") {
  const std::pair<TensorType, std::int64_t> bounds[] = {
      {TensorType::q4_0, 32 * 8 * 127},          {TensorType::q4_1, 32 * 15 * 127},
      {TensorType::q5_0, 32 * 16 * 127},         {TensorType::q5_1, 32 * 31 * 127},
      {TensorType::q8_0, 32 * 128 * 127},        {TensorType::iq4_nl, 32 * 127 * 127},
      {TensorType::mxfp4, 32 * 12 * 127},        {TensorType::q2_k, 256 * 15 * 3 * 127},
      {TensorType::q3_k, 256 * 32 * 4 * 127},    {TensorType::q4_k, 256 * 63 * 15 * 127},
      {TensorType::q5_k, 256 * 63 * 31 * 127},   {TensorType::q6_k, 256 * 128 * 32 * 127},
      {TensorType::iq4_xs, 256 * 32 * 127 * 127}};
  for (const auto& [type, bound] : bounds) {
    INFO(name_of(type));
    const TestActivations a = extreme_activations(256);
    const TestMatrix m(type, 17, 256, largest_blocks(type, 17 * 256));
    CHECK(check_matrix(type, m, a) == bound);
    CHECK(bound <= std::numeric_limits<std::int32_t>::max());
    CHECK(check_matrix(type, random_matrix(type, 17, 256), a) <= bound);
  }
}

TEST_CASE("A weight that is no number stays in its row") {
  for (const TensorType type : kTypes) {
    if (type == TensorType::mxfp4 || real(type)) continue;
    const std::size_t columns = some_columns(type), rows = 20;
    auto file = random_blocks(type, rows * columns, 4);
    std::vector<std::byte> first(file.begin(),
                                 file.begin() + static_cast<std::ptrdiff_t>(file.size() / rows));
    set_scales(type, 0x7C00, first);
    std::copy(first.begin(), first.end(), file.begin());
    check_matrix(type, TestMatrix(type, rows, columns, file),
                 TestActivations(normals(2 * columns, 6), 2));
  }
}

TEST_CASE("A share of the panels leaves the others alone") {
  for (const TensorType type : kTypes) {
    const std::size_t columns = some_columns(type);
    const TestMatrix m = random_matrix(type, 80, columns);
    const TestActivations a(normals(7 * columns, 9), 7);
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
    for (const std::size_t rows : {1u, 15u, 16u, 17u, 40u})
      for (const bool extreme : {false, true}) {
        if (extreme && real(type)) continue;
        const std::size_t columns = some_columns(type), n = rows * columns;
        const TestMatrix m(type, rows, columns,
                           extreme ? extreme_blocks(type, n) : random_blocks(type, n, rows));
        std::vector<float> expected(n), actual(n);
        REQUIRE(dequantize(type, m.file, expected));
        for (std::size_t r = 0; r < rows; ++r)
          unpack_row(m.packed, r, std::span(actual).subspan(r * columns, columns));
        INFO(name_of(type) << ' ' << rows);
        CHECK(same_bits(actual, expected));
      }
}

TEST_CASE("Panels are as large as their rows in the file") {
  for (const TensorType type : kTypes) {
    INFO(name_of(type));
    const std::size_t file = *row_bytes(type, 1024) * kPanelRows;
    CHECK(panel_bytes(type, 1024) == file);
    CHECK(panel_bytes(type, 32) > 0);
    CHECK(panel_bytes(type, 32) % 64 == 0);
  }
  CHECK(panel_bytes(TensorType::iq2_xs, 1024) == 0);
}

}  // namespace pennyweight::llm::test
