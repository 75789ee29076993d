// Superblocks of 256 with quantized sub-scales: a search for the scale (and minimum) of each
// sub-block, then for all of them the levels that the rounded scales give.
#include <algorithm>
#include <cmath>

#include "local_backend/quantization/quantizers.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t kSuperblock = 256;
constexpr float kNothing = 1e-15f;  // sub-blocks of values below it are zeros

// How to look for a scale and a minimum: for steps 0 .. `steps`, the range of x is laid over
// top + first + step * i levels.
struct Search {
  int top;  // levels are 0 .. top
  float first, step;
  int steps;
  bool absolute;  // the error is that of absolute differences, not of squares
};

struct Fit {
  float scale = 0, minimum = 0;  // x is about scale * level - minimum
};

// One sub-block: values with weights. Sums are f32 in order.
class MinimumFitter {
 public:
  MinimumFitter(const float* x, const float* weights, std::size_t n, const Search& search)
      : x_(x), weights_(weights), n_(n), search_(search) {}

  Fit fit(Byte* levels) {
    const auto [least, largest] = std::minmax_element(x_, x_ + n_);
    float low = std::min(*least, 0.0f);
    std::fill_n(levels, n_, Byte{0});
    if (*largest == low) return {0, -low};
    for (std::size_t i = 0; i < n_; ++i) {
      sum_weights_ += weights_[i];
      sum_x_ += weights_[i] * x_[i];
    }
    const float inverse = static_cast<float>(search_.top) / (*largest - low);
    Fit best{1 / inverse, -low};
    lay(inverse, low, levels);
    float best_error = error(best, levels);
    Byte trial[32];
    for (int i = 0; i <= search_.steps; ++i) {
      const float count =
          search_.first + search_.step * static_cast<float>(i) + static_cast<float>(search_.top);
      lay(count / (*largest - low), low, trial);
      Fit found;
      if (!least_squares(trial, found)) continue;
      const float found_error = error(found, trial);
      if (found_error < best_error) {
        std::copy_n(trial, n_, levels);
        best_error = found_error, best = found;
        low = -best.minimum;  // later trials start from the better minimum
      }
    }
    return best;
  }

 private:
  void lay(float inverse, float low, Byte* levels) const {
    for (std::size_t i = 0; i < n_; ++i) {
      const int level = nearest_integer(inverse * (x_[i] - low));
      levels[i] = static_cast<Byte>(std::clamp(level, 0, search_.top));
    }
  }

  float error(const Fit& fit, const Byte* levels) const {
    float sum = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const float difference = fit.scale * static_cast<float>(levels[i]) - fit.minimum - x_[i];
      sum += weights_[i] * (search_.absolute ? std::fabs(difference) : difference * difference);
    }
    return sum;
  }

  bool least_squares(const Byte* levels, Fit& fit) const {
    float sum_l = 0, sum_l2 = 0, sum_xl = 0;
    for (std::size_t i = 0; i < n_; ++i) {
      const auto l = static_cast<float>(levels[i]);
      sum_l += weights_[i] * l;
      sum_l2 += weights_[i] * l * l;
      sum_xl += weights_[i] * l * x_[i];
    }
    const float determinant = sum_weights_ * sum_l2 - sum_l * sum_l;
    if (!(determinant > 0)) return false;
    fit.scale = (sum_weights_ * sum_xl - sum_x_ * sum_l) / determinant;
    const float low = (sum_l2 * sum_x_ - sum_l * sum_xl) / determinant;
    if (low > 0) fit.scale = sum_xl / sum_l2;  // minima cannot be negative
    fit.minimum = low > 0 ? 0 : -low;
    return true;
  }

  const float *x_, *weights_;
  std::size_t n_;
  const Search& search_;
  float sum_weights_ = 0, sum_x_ = 0;
};

// The levels that a stored scale gives; a scale of zero leaves those of the search.
void lay_again(const float* x, std::size_t n, float scale, float minimum, int least, int top,
               Byte* levels) {
  if (scale == 0) return;
  for (std::size_t i = 0; i < n; ++i) {
    const int level = nearest_integer((x[i] + minimum) / scale);
    levels[i] = static_cast<Byte>(std::clamp(level, least, top) - least);
  }
}

float inverse_step(float largest, float levels) {
  return largest > 0 ? levels / largest : 0.0f;
}

Byte clamped_level(float value, int top) {
  return static_cast<Byte>(std::clamp(nearest_integer(value), 0, top));
}

// Levels of 2 bits: bits 2t of byte l of a half are element 32t + l.
void store_two_bits(const Byte* levels, Byte* out) {
  for (std::size_t half = 0; half < 2; ++half, levels += 128, out += 32) {
    for (std::size_t l = 0; l < 32; ++l) {
      out[l] = static_cast<Byte>((levels[l] & 3) | (levels[l + 32] & 3) << 2 |
                                 (levels[l + 64] & 3) << 4 | (levels[l + 96] & 3) << 6);
    }
  }
}

// Bit t of byte l is set where element 32t + l has `bit`.
void store_mask(const Byte* levels, Byte bit, Byte* mask) {
  std::fill_n(mask, 32, Byte{0});
  for (std::size_t k = 0; k < kSuperblock; ++k) {
    if ((levels[k] & bit) != 0) mask[k % 32] |= static_cast<Byte>(1u << k / 32);
  }
}

// Scales, minima and levels of Q4_K and Q5_K, which differ only in where the levels go.
bool fit_eight(const float* x, const Search& search, Byte* block, Byte* levels) {
  Fit fits[8];
  float largest_scale = 0, largest_minimum = 0;
  for (std::size_t j = 0; j < 8; ++j) {
    const float* sub = x + 32 * j;
    float squares = 0, weights[32];
    for (std::size_t l = 0; l < 32; ++l) squares += sub[l] * sub[l];
    const float mean = std::sqrt(squares / 32);
    for (std::size_t l = 0; l < 32; ++l) weights[l] = mean + std::fabs(sub[l]);
    fits[j] = MinimumFitter(sub, weights, 32, search).fit(levels + 32 * j);
    largest_scale = std::max(largest_scale, fits[j].scale);
    largest_minimum = std::max(largest_minimum, fits[j].minimum);
  }
  const float inverse_scale = inverse_step(largest_scale, 63);
  const float inverse_minimum = inverse_step(largest_minimum, 63);
  ScalesAndMinima packed{};
  for (std::size_t j = 0; j < 8; ++j) {
    packed.scales[j] = clamped_level(inverse_scale * fits[j].scale, 63);
    packed.minima[j] = clamped_level(inverse_minimum * fits[j].minimum, 63);
  }
  pack_scales_and_minima(packed, block + 4);
  const float d = store_half(block, largest_scale / 63);
  const float least = store_half(block + 2, largest_minimum / 63);
  for (std::size_t j = 0; j < 8; ++j) {
    lay_again(x + 32 * j, 32, d * static_cast<float>(packed.scales[j]),
              least * static_cast<float>(packed.minima[j]), 0, search.top, levels + 32 * j);
  }
  return std::isfinite(d) && std::isfinite(least);
}

// Sub-blocks 2p and 2p + 1 share 32 bytes: low nibbles, high nibbles.
void store_pairs(const Byte* levels, Byte* out) {
  for (std::size_t pair = 0; pair < 4; ++pair, levels += 64, out += 32) {
    for (std::size_t l = 0; l < 32; ++l) {
      out[l] = static_cast<Byte>((levels[l] & 15) | (levels[l + 32] & 15) << 4);
    }
  }
}

float signed_largest(const float* x, std::size_t n) {  // the first of equals
  float found = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (std::fabs(x[i]) > std::fabs(found)) found = x[i];
  }
  return found;
}

// Sums that decide a scale without minimum, each value weighted by its square: the best scale for
// given levels is xl / l2, and what it takes off the error is xl^2 / l2.
struct SymmetricSums {
  float xl = 0, l2 = 0;
  void add(float x, int level) {
    const float weight = x * x, l = static_cast<float>(level);
    xl += weight * x * l;
    l2 += weight * l * l;
  }
};

int symmetric_level(float value, int half) {
  return std::clamp(nearest_integer(value), -half, half - 1);
}

SymmetricSums lay_symmetric(const float* x, float inverse, int half, Byte* levels) {
  SymmetricSums sums;
  for (std::size_t i = 0; i < 16; ++i) {
    const int level = symmetric_level(inverse * x[i], half);
    levels[i] = static_cast<Byte>(level + half);
    sums.add(x[i], level);
  }
  return sums;
}

// Q6_K: of 19 inverse scales about -32 / largest the best.
float fit_q6(const float* x, Byte* levels) {
  constexpr int kHalf = 32;
  const float largest = signed_largest(x, 16);
  std::fill_n(levels, 16, Byte{0});
  if (std::fabs(largest) < kNothing) return 0;
  SymmetricSums sums = lay_symmetric(x, -kHalf / largest, kHalf, levels);
  float scale = sums.l2 != 0 ? sums.xl / sums.l2 : 0.0f;
  float best = scale * sums.xl;
  for (int i = -9; i <= 9; ++i) {
    if (i == 0) continue;
    Byte trial[16];
    const float inverse = -(kHalf + 0.1f * static_cast<float>(i)) / largest;
    sums = lay_symmetric(x, inverse, kHalf, trial);
    if (sums.l2 > 0 && sums.xl * sums.xl > best * sums.l2) {
      std::copy_n(trial, 16, levels);
      scale = sums.xl / sums.l2;
      best = scale * sums.xl;
    }
  }
  return scale;
}

// Q3_K: from -4 / largest, up to five passes that move one level at a time to its best place.
float fit_q3(const float* x, Byte* levels) {
  constexpr int kHalf = 4;
  const float largest = signed_largest(x, 16);
  std::fill_n(levels, 16, Byte{0});
  if (std::fabs(largest) < kNothing) return 0;
  SymmetricSums sums = lay_symmetric(x, -kHalf / largest, kHalf, levels);
  bool changed = true;
  for (int pass = 0; pass < 5 && changed; ++pass) {
    changed = false;
    for (std::size_t i = 0; i < 16; ++i) {
      const int level = levels[i] - kHalf;
      const float weight = x[i] * x[i], l = static_cast<float>(level);
      SymmetricSums others{sums.xl - weight * x[i] * l, sums.l2 - weight * l * l};
      if (!(others.xl > 0)) continue;
      const int moved = symmetric_level(x[i] * others.l2 / others.xl, kHalf);
      if (moved == level) continue;
      others.add(x[i], moved);
      if (others.l2 > 0 && others.xl * others.xl * sums.l2 > sums.xl * sums.xl * others.l2) {
        levels[i] = static_cast<Byte>(moved + kHalf);
        sums = others;
        changed = true;
      }
    }
  }
  return sums.l2 > 0 ? sums.xl / sums.l2 : 0.0f;
}

}  // namespace

bool quantize_q2_k(const float* x, Byte* block) {
  constexpr Search kSearch{3, -0.5f, 0.1f, 15, true};
  Byte levels[kSuperblock];
  Fit fits[16];
  float largest_scale = 0, largest_minimum = 0;
  for (std::size_t j = 0; j < 16; ++j) {
    const float* sub = x + 16 * j;
    float weights[16];
    for (std::size_t l = 0; l < 16; ++l) weights[l] = std::fabs(sub[l]);
    fits[j] = MinimumFitter(sub, weights, 16, kSearch).fit(levels + 16 * j);
    largest_scale = std::max(largest_scale, fits[j].scale);
    largest_minimum = std::max(largest_minimum, fits[j].minimum);
  }
  const float inverse_scale = inverse_step(largest_scale, 15);
  const float inverse_minimum = inverse_step(largest_minimum, 15);
  const float d = store_half(block + 80, largest_scale / 15);
  const float least = store_half(block + 82, largest_minimum / 15);
  for (std::size_t j = 0; j < 16; ++j) {
    const Byte scale = clamped_level(inverse_scale * fits[j].scale, 15);
    const Byte minimum = clamped_level(inverse_minimum * fits[j].minimum, 15);
    block[j] = static_cast<Byte>(scale | minimum << 4);
    lay_again(x + 16 * j, 16, d * static_cast<float>(scale), least * static_cast<float>(minimum), 0,
              3, levels + 16 * j);
  }
  store_two_bits(levels, block + 16);
  return std::isfinite(d) && std::isfinite(least);
}

bool quantize_q3_k(const float* x, Byte* block) {
  Byte levels[kSuperblock];
  float scales[16];
  for (std::size_t j = 0; j < 16; ++j) scales[j] = fit_q3(x + 16 * j, levels + 16 * j);
  const float largest = signed_largest(scales, 16);
  const float inverse = largest != 0 ? -32.0f / largest : 0.0f;
  const float d = store_half(block + 108, largest != 0 ? 1 / inverse : 0.0f);
  std::array<std::int8_t, 16> packed{};
  for (std::size_t j = 0; j < 16; ++j) {
    // With nothing in the block its scales are the bytes zero, which mean -32.
    packed[j] =
        static_cast<std::int8_t>(largest != 0 ? symmetric_level(inverse * scales[j], 32) : -32);
    lay_again(x + 16 * j, 16, d * static_cast<float>(packed[j]), 0, -4, 3, levels + 16 * j);
  }
  pack_q3_scales(packed, block + 96);
  store_mask(levels, 4, block);
  store_two_bits(levels, block + 32);
  return std::isfinite(d);
}

bool quantize_q4_k(const float* x, Byte* block) {
  constexpr Search kSearch{15, -1.0f, 0.1f, 20, false};
  Byte levels[kSuperblock];
  const bool fits = fit_eight(x, kSearch, block, levels);
  store_pairs(levels, block + 16);
  return fits;
}

bool quantize_q5_k(const float* x, Byte* block) {
  constexpr Search kSearch{31, -0.5f, 0.1f, 15, false};
  Byte levels[kSuperblock];
  const bool fits = fit_eight(x, kSearch, block, levels);
  store_mask(levels, 16, block + 16);
  store_pairs(levels, block + 48);
  return fits;
}

bool quantize_q6_k(const float* x, Byte* block) {
  Byte levels[kSuperblock];
  float scales[16];
  for (std::size_t j = 0; j < 16; ++j) scales[j] = fit_q6(x + 16 * j, levels + 16 * j);
  const float largest = signed_largest(scales, 16);
  if (std::fabs(largest) < kNothing) {
    std::fill_n(block, 210, Byte{0});
    return true;
  }
  const float inverse = -128.0f / largest;
  const float d = store_half(block + 208, 1 / inverse);
  for (std::size_t j = 0; j < 16; ++j) {
    const int scale = std::clamp(nearest_integer(inverse * scales[j]), -128, 127);
    block[192 + j] = static_cast<Byte>(scale);
    lay_again(x + 16 * j, 16, d * static_cast<float>(scale), 0, -32, 31, levels + 16 * j);
  }
  for (std::size_t half = 0; half < 2; ++half) {
    const Byte* from = levels + 128 * half;
    for (std::size_t l = 0; l < 64; ++l) {
      block[64 * half + l] = static_cast<Byte>((from[l] & 15) | (from[l + 64] & 15) << 4);
    }
    for (std::size_t l = 0; l < 32; ++l) {
      block[128 + 32 * half + l] = static_cast<Byte>(
          from[l] >> 4 | from[l + 32] >> 4 << 2 | from[l + 64] >> 4 << 4 | from[l + 96] >> 4 << 6);
    }
  }
  return std::isfinite(d);
}

}  // namespace pennyweight::llm
