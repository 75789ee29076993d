#include "local_backend/synthetic_pool.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "local_backend/runtime/exact_math.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t kPoolElements = std::size_t{1} << 20;
constexpr std::size_t kPieceElements = std::size_t{1} << 20;
constexpr std::size_t kRunElements = std::size_t{1} << 14;

std::size_t bytes_of(TensorType type, std::size_t elements) {
  const BlockFormat& format = *block_format(type);
  return elements / format.elements * format.bytes;
}

}  // namespace

double Gaussian::next() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double x = 0, y = 0, square = 0;
  do {
    x = 2 * random_.uniform() - 1;
    y = 2 * random_.uniform() - 1;
    square = x * x + y * y;
  } while (square >= 1 || square == 0);
  const double scale = std::sqrt(-2 * exact_math::log(square) / square);
  spare_ = y * scale;
  has_spare_ = true;
  return x * scale;
}

std::uint64_t BlockPool::piece_bytes(TensorType type) {
  return bytes_of(type, kPieceElements);
}

Result<void> BlockPool::make() {
  Gaussian random(seed_, index_);
  std::vector<float> values(kPoolElements);
  for (float& v : values) v = static_cast<float>(sigma_ * random.next());
  blocks_.resize(bytes_of(type_, kPoolElements));
  return quantize(type_, values, blocks_);
}

Result<void> BlockPool::fill(std::uint64_t index, std::span<std::byte> out) {
  if (blocks_.empty()) {
    if (auto made = make(); !made) return made;
  }
  const std::size_t block = block_format(type_)->bytes;
  const std::size_t run = bytes_of(type_, kRunElements);
  const std::uint64_t places = (blocks_.size() - run) / block + 1;
  Random random(seed_, Stream::weights, index);
  while (!out.empty()) {
    const std::size_t length = std::min(run, out.size());
    std::memcpy(out.data(), &blocks_[random.below(places) * block], length);
    out = out.subspan(length);
  }
  return {};
}

}  // namespace pennyweight::llm
