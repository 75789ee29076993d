// The rotation that tells attention where a token stands ("RoFormer", Su et al., 2021).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "local_backend/model/model_config.h"

namespace pennyweight::llm {

// Angles of one kind of layer. Immutable: any thread. Same bits on every machine: sine, cosine,
// logarithm and exponential are ours (docs/numerics.md, "rotation").
class RopeAngles {
 public:
  // `divisors` (rope_freqs.weight and its kin) is empty or has one entry a pair.
  RopeAngles(const RopeConfig& config, std::vector<float> divisors);

  std::size_t pairs() const { return pairs_; }
  // Both spans have pairs() entries.
  void fill(std::uint32_t position, std::span<float> cosines, std::span<float> sines) const;

 private:
  std::size_t pairs_;
  float step_, frequency_scale_, magnitude_;
  std::vector<float> divisors_;
  std::vector<float> ramp_;  // YaRN: of each pair, how much is extrapolated; empty without it
};

// Turns the pairs of one head's first 2 * cosines.size() elements.
void rotate(std::span<float> head, RopePairs pairs, std::span<const float> cosines,
            std::span<const float> sines);

}  // namespace pennyweight::llm
