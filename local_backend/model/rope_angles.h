// The rotation that tells attention where a token stands ("RoFormer", Su et al., 2021).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pennyweight::llm {

// Angles of one model. Immutable: any thread. Same bits on every machine: sine, cosine, logarithm
// and exponential are ours (docs/numerics.md, "rotation").
class RopeAngles {
 public:
  // `frequency_scale` is 1 / the linear scaling factor. `divisors` (rope_freqs.weight) is empty or
  // has one entry a pair.
  RopeAngles(int dimensions, float base, float frequency_scale, std::vector<float> divisors);

  std::size_t pairs() const { return pairs_; }
  // Both spans have pairs() entries.
  void fill(std::uint32_t position, std::span<float> cosines, std::span<float> sines) const;

 private:
  std::size_t pairs_;
  float step_, frequency_scale_;
  std::vector<float> divisors_;
};

// Turns the pairs (2i, 2i + 1) of one head.
void rotate(std::span<float> head, std::span<const float> cosines, std::span<const float> sines);

}  // namespace pennyweight::llm
