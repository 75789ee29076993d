// Quantized Gaussian blocks made once, from which large tensors are put together: making each block
// anew would take minutes. Private to synthetic_model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "local_backend/quantization/block_formats.h"
#include "metrics/base/random.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// Normally distributed numbers by the polar method of Marsaglia and Bray (SIAM Review 6, 1964):
// with our own logarithm it gives the same bits everywhere.
class Gaussian {
 public:
  Gaussian(std::uint64_t seed, std::uint64_t index) : random_(seed, Stream::weights, index) {}
  double next();

 private:
  Random random_;
  double spare_ = 0;
  bool has_spare_ = false;
};

class BlockPool {
 public:
  // Values of N(0, sigma); `index` is that of the stream they come from.
  BlockPool(TensorType type, double sigma, std::uint64_t seed, std::uint64_t index)
      : type_(type), sigma_(sigma), seed_(seed), index_(index) {}
  // Runs of blocks from random places. `out` is whole blocks; what it becomes follows from `index`.
  Result<void> fill(std::uint64_t index, std::span<std::byte> out);
  // A piece to ask for at a time: whole blocks.
  static std::uint64_t piece_bytes(TensorType type);

 private:
  Result<void> make();
  TensorType type_;
  double sigma_;
  std::uint64_t seed_, index_;
  std::vector<std::byte> blocks_;
};

}  // namespace pennyweight::llm
