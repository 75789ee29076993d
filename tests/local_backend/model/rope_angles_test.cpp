#include "local_backend/model/rope_angles.h"

#include <cmath>

#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

// The same recipe with the C library's functions, in f32 where the definition says f32.
void check(int dimensions, float base, float scale, const std::vector<float>& divisors) {
  const RopeAngles angles(dimensions, base, scale, divisors);
  const auto pairs = static_cast<std::size_t>(dimensions) / 2;
  REQUIRE(angles.pairs() == pairs);
  const float step = static_cast<float>(std::pow(
      static_cast<double>(base), static_cast<double>(-2.0f / static_cast<float>(dimensions))));
  std::vector<float> cosines(pairs), sines(pairs);
  for (const std::uint32_t position : {0u, 1u, 2u, 77u, 4095u, 131071u, 16u << 20}) {
    angles.fill(position, cosines, sines);
    float theta = static_cast<float>(position);
    for (std::size_t i = 0; i < pairs; ++i, theta *= step) {
      const float divided = divisors.empty() ? theta : theta / divisors[i];
      const auto angle = static_cast<double>(scale * divided);
      INFO("position " << position << " pair " << i);
      REQUIRE(std::fabs(static_cast<double>(cosines[i]) - std::cos(angle)) < 6e-8);
      REQUIRE(std::fabs(static_cast<double>(sines[i]) - std::sin(angle)) < 6e-8);
    }
  }
}

}  // namespace

TEST_CASE("Angles are those of the definition, with sine and cosine correct to a float") {
  check(64, 10000, 1, {});
  check(128, 500000, 1, {});
  check(2, 10000, 1, {});
  check(80, 10000, 0.125f, {});
  check(8, 10000, 1, {1, 0.5f, 4, 32});
}

TEST_CASE("Neighbouring elements turn together") {
  const float cosines[] = {0, 1}, sines[] = {1, 0};
  float head[] = {2, 3, 5, 7};
  rotate(head, cosines, sines);
  CHECK(head[0] == -3);
  CHECK(head[1] == 2);
  CHECK(head[2] == 5);
  CHECK(head[3] == 7);
}

}  // namespace pennyweight::llm::test
