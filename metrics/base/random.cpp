#include "metrics/base/random.h"

#include <cmath>

namespace pennyweight {
namespace {

__extension__ typedef unsigned __int128 Wide;

std::uint32_t high(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32);
}
std::uint32_t low(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}

// Our own log and cos: those of libm may differ in the last bit from one CPU to the next, and
// weights made from normal() are hashed.
double natural_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // [0.5, 1)
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1);
  double series = 0;
  for (int k = 23; k >= 1; k -= 2) series = series * s * s + 1.0 / k;
  return 2 * s * series + exponent * 0.69314718055994531;
}

// cos(f * pi / 2) for f in [0, 1], by its Taylor series.
double cosine_of_quarter(double f) {
  const double x = f * 1.5707963267948966;
  double series = 1;
  for (int k = 24; k >= 2; k -= 2) series = 1 - x * x / (k * (k - 1)) * series;
  return series;
}

double cosine_of_turn(double turn) {  // cos(2 pi turn), turn in [0, 1)
  const double t = turn * 4;
  const int quarter = static_cast<int>(t);
  const double f = t - quarter;
  switch (quarter) {
    case 0:
      return cosine_of_quarter(f);
    case 1:
      return -cosine_of_quarter(1 - f);
    case 2:
      return -cosine_of_quarter(f);
    default:
      return cosine_of_quarter(1 - f);
  }
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> c,
                                        std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * c[2];
    c = {high(b) ^ c[1] ^ key[0], low(b), high(a) ^ c[3] ^ key[1], low(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return c;
}

std::uint32_t Random::next_u32() noexcept {
  if (used_ == 4) {
    words_ = philox4x32({block_++, stream_, low(index_), high(index_)}, {low(seed_), high(seed_)});
    used_ = 0;
  }
  return words_[static_cast<std::size_t>(used_++)];
}

std::uint64_t Random::next_u64() noexcept {
  const std::uint64_t first = next_u32();
  return std::uint64_t{next_u32()} << 32 | first;
}

double Random::uniform() noexcept {
  return static_cast<double>(next_u64() >> 11) * 0x1p-53;
}

// Lemire, "Fast random integer generation in an interval", 2019.
std::uint64_t Random::below(std::uint64_t bound) noexcept {
  if (bound == 0) return 0;
  const std::uint64_t unfair = (0 - bound) % bound;
  for (;;) {
    const Wide product = Wide{next_u64()} * bound;
    if (static_cast<std::uint64_t>(product) >= unfair) {
      return static_cast<std::uint64_t>(product >> 64);
    }
  }
}

double Random::normal() noexcept {
  const double u = uniform();
  const double v = uniform();
  return std::sqrt(-2 * natural_log(1 - u)) * cosine_of_turn(v);
}

std::uint64_t SplitMix64::next() noexcept {
  state_ += 0x9E3779B97F4A7C15;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

std::uint64_t SplitMix64::below(std::uint64_t n) noexcept {
  return static_cast<std::uint64_t>((Wide{next()} * n) >> 64);
}

}  // namespace pennyweight
