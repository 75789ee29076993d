#include "local_backend/model/rope_angles.h"

#include <algorithm>
#include <cmath>

#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

// The same recipe with the C library's functions, in f32 where the definition says f32.
void check(int dimensions, float base, float scale, const std::vector<float>& divisors) {
  RopeConfig config;
  config.dimensions = dimensions;
  config.base = base;
  config.frequency_scale = scale;
  const RopeAngles angles(config, divisors);
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

TEST_CASE("YaRN interpolates slow pairs, leaves fast ones, blends between, and has its magnitude") {
  RopeConfig config;
  config.dimensions = 64;
  config.base = 10000;
  config.frequency_scale = 0.25f;
  config.magnitude = 1.125f;
  config.yarn = true;
  config.original_context = 4096;
  const RopeAngles angles(config, {});
  std::vector<float> cosines(32), sines(32);
  angles.fill(100, cosines, sines);
  // Peng et al.: pairs that turn more than beta_fast times over the original context stay.
  const auto turns = [](double rotations) {
    return 64 * std::log(4096 / (rotations * 2 * std::acos(-1))) / (2 * std::log(10000.0));
  };
  const double low = std::floor(turns(32)), high = std::ceil(turns(1));
  REQUIRE(low > 2);
  REQUIRE(high < 30);
  for (int i = 0; i < 32; ++i) {
    const double theta = 100 * std::pow(10000.0, -2.0 * i / 64);
    const double kept = 1 - std::clamp((i - low) / (high - low), 0.0, 1.0);
    const double angle = theta * 0.25 * (1 - kept) + theta * kept;
    INFO("pair " << i);
    CHECK(static_cast<double>(cosines[static_cast<std::size_t>(i)]) ==
          Approx(1.125 * std::cos(angle)).margin(2e-5));
    CHECK(static_cast<double>(sines[static_cast<std::size_t>(i)]) ==
          Approx(1.125 * std::sin(angle)).margin(2e-5));
  }
}

TEST_CASE("Pairs are neighbours, or lie half of what rotates apart, and the rest stays") {
  const float cosines[] = {0, 1}, sines[] = {1, 0};
  std::vector<float> head = {2, 3, 5, 7, 11, 13};
  rotate(head, RopePairs::adjacent, cosines, sines);
  CHECK(head == std::vector<float>{-3, 2, 5, 7, 11, 13});
  head = {2, 3, 5, 7, 11, 13};
  rotate(head, RopePairs::halves, cosines, sines);
  CHECK(head == std::vector<float>{-5, 3, 2, 7, 11, 13});
}

}  // namespace pennyweight::llm::test
