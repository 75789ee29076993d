// Random numbers that are the same on every machine and in any order of asking: counter-based
// streams (Philox4x32-10, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
#pragma once

#include <array>
#include <cstdint>

namespace pennyweight {

// One seed feeds independent streams; a stream is named so that drawing more arrivals never changes
// the prompts. The values are part of the stored format: append, never renumber.
enum class Stream : std::uint32_t {
  selection = 1,
  order = 2,
  arrivals = 3,
  sampling = 4,
  synthesis = 5,
  retry_jitter = 6,
  weights = 7,
};

// The block cipher itself; published test vectors hold.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) noexcept;

// A cursor in one stream. `index` picks an independent sub-stream (a task, a request, a tensor).
// A value type; copy it freely, use a copy from one thread at a time.
class Random {
 public:
  Random(std::uint64_t seed, Stream stream, std::uint64_t index = 0) noexcept
      : seed_(seed), index_(index), stream_(static_cast<std::uint32_t>(stream)) {}
  std::uint32_t next_u32() noexcept;
  std::uint64_t next_u64() noexcept;
  double uniform() noexcept;                          // [0, 1), 53 bits
  std::uint64_t below(std::uint64_t bound) noexcept;  // [0, bound), no modulo bias; bound > 0
  double normal() noexcept;                           // mean 0, sd 1 (Box-Muller, fixed pairing)

 private:
  std::uint64_t seed_, index_;
  std::uint32_t stream_;
  std::uint32_t block_ = 0;
  int used_ = 4;
  std::array<std::uint32_t, 4> words_{};
};

// For the bootstrap of metrics/statistics, to match tests/cases/stats_cases.json.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t next() noexcept;
  std::uint64_t below(std::uint64_t n) noexcept;  // high 64 bits of next() * n

 private:
  std::uint64_t state_;
};

}  // namespace pennyweight
