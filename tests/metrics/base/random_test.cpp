#include "metrics/base/random.h"

#include <cmath>

#include "tests/test.h"

namespace pennyweight {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST_CASE("Philox4x32-10 gives the published test vectors") {
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("SplitMix64 gives the published numbers of seed 1234567") {
  SplitMix64 random(1234567);
  CHECK(random.next() == 6457827717110365317ULL);
  CHECK(random.next() == 3203168211198807973ULL);
  CHECK(random.next() == 9817491932198370423ULL);
}

TEST_CASE("streams and sub-streams of one seed are independent and repeatable") {
  Random a(7, Stream::order);
  Random again(7, Stream::order);
  CHECK(a.next_u64() == again.next_u64());
  CHECK(Random(7, Stream::order).next_u64() != Random(7, Stream::arrivals).next_u64());
  CHECK(Random(7, Stream::order, 0).next_u64() != Random(7, Stream::order, 1).next_u64());
  CHECK(Random(7, Stream::order).next_u64() != Random(8, Stream::order).next_u64());
}

TEST_CASE("below stays under its bound and reaches every value") {
  Random random(1, Stream::selection);
  std::array<int, 6> seen{};
  for (int i = 0; i < 6000; ++i) {
    const std::uint64_t x = random.below(6);
    REQUIRE(x < 6);
    ++seen[static_cast<std::size_t>(x)];
  }
  for (const int count : seen) CHECK(std::abs(count - 1000) < 150);  // five standard deviations
  CHECK(random.below(1) == 0);
  CHECK(random.below(0) == 0);
}

TEST_CASE("uniform and normal have the moments of their distributions") {
  Random random(42, Stream::weights);
  double sum = 0;
  for (int i = 0; i < 20000; ++i) {
    const double u = random.uniform();
    REQUIRE((u >= 0 && u < 1));
    sum += u;
  }
  CHECK(sum / 20000 == Approx(0.5).margin(0.01));
  double mean = 0, square = 0, fourth = 0;
  for (int i = 0; i < 20000; ++i) {
    const double z = random.normal();
    mean += z / 20000;
    square += z * z / 20000;
    fourth += z * z * z * z / 20000;
  }
  CHECK(mean == Approx(0).margin(0.04));
  CHECK(square == Approx(1).margin(0.05));
  CHECK(fourth == Approx(3).margin(0.4));
}

TEST_CASE("normal is Box-Muller on the stream's own uniforms") {
  for (std::uint64_t index = 0; index < 500; ++index) {
    Random random(3, Stream::weights, index);
    Random copy = random;
    const double u = copy.uniform();
    const double v = copy.uniform();
    const double expected = std::sqrt(-2 * std::log(1 - u)) * std::cos(2 * 3.14159265358979324 * v);
    CHECK(random.normal() == Approx(expected).epsilon(1e-12).margin(1e-14));
  }
}

}  // namespace
}  // namespace pennyweight
