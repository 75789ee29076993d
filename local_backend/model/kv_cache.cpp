#include "local_backend/model/kv_cache.h"

#include <cstring>
#include <numeric>
#include <utility>

namespace pennyweight::llm {
namespace {

constexpr std::size_t padded(std::size_t n) {
  return (n + kPanelRows - 1) / kPanelRows * kPanelRows;
}

}  // namespace

std::uint64_t KvPool::block_bytes(const ModelConfig& config) {
  const auto length = static_cast<std::size_t>(config.head_length);
  return kKvBlock * (length + padded(length)) * sizeof(std::uint16_t) * config.layers.size() *
         static_cast<std::size_t>(config.kv_heads);
}

Result<KvPool> KvPool::make(const ModelConfig& config, std::size_t positions) {
  const std::size_t blocks = blocks_for(positions);
  const std::uint64_t size = block_bytes(config) * blocks;
  auto arena = MemoryArena::reserve(MemoryArena::aligned(size));
  if (!arena) return fail(std::move(arena).error());
  KvPool pool;
  pool.arena_ = *std::move(arena);
  pool.data_ = reinterpret_cast<std::uint16_t*>(pool.arena_.take(size));
  pool.block_halves_ = block_bytes(config) / sizeof(std::uint16_t);
  pool.kv_heads_ = static_cast<std::size_t>(config.kv_heads);
  pool.head_length_ = static_cast<std::size_t>(config.head_length);
  pool.value_stride_ = padded(pool.head_length_);
  pool.owners_.assign(blocks, 0);
  // The lowest is taken first, so that little memory is touched.
  pool.free_.resize(blocks);
  std::iota(pool.free_.rbegin(), pool.free_.rend(), KvBlock{0});
  return pool;
}

KvBlock KvPool::take() {
  const KvBlock block = free_.back();
  free_.pop_back();
  owners_[block] = 1;
  return block;
}

void KvPool::give_back(KvBlock block) {
  if (--owners_[block] == 0) free_.push_back(block);
}

KvSequence::KvSequence(KvSequence&& other) noexcept
    : pool_(other.pool_),
      blocks_(std::exchange(other.blocks_, {})),
      pointers_(std::exchange(other.pointers_, {})) {}

KvSequence& KvSequence::operator=(KvSequence&& other) noexcept {
  std::swap(pool_, other.pool_);
  blocks_.swap(other.blocks_);
  pointers_.swap(other.pointers_);
  return *this;
}

bool KvSequence::reserve(std::size_t positions) {
  const std::size_t wanted = KvPool::blocks_for(positions);
  if (wanted <= blocks_.size()) return true;
  if (wanted - blocks_.size() > pool_->free_blocks()) return false;
  while (blocks_.size() < wanted) {
    blocks_.push_back(pool_->take());
    pointers_.push_back(pool_->data(blocks_.back()));
  }
  return true;
}

void KvSequence::adopt(KvBlock shared) {
  pool_->share(shared);
  blocks_.push_back(shared);
  pointers_.push_back(pool_->data(shared));
}

void KvSequence::clear() {
  for (const KvBlock block : blocks_) pool_->give_back(block);
  blocks_.clear();
  pointers_.clear();
}

void KvSequence::store(std::size_t layer, std::size_t head, std::size_t position,
                       const std::uint16_t* key, const std::uint16_t* value) const {
  std::uint16_t* block = pool_->data(blocks_[position / kKvBlock]);
  const std::size_t row = position % kKvBlock, length = pool_->head_length();
  std::uint16_t* panel =
      block + pool_->key_offset(layer, head) + row / kPanelRows * kPanelRows * length;
  for (std::size_t d = 0; d < length; ++d) panel[d * kPanelRows + row % kPanelRows] = key[d];
  std::memcpy(block + pool_->value_offset(layer, head) + row * pool_->value_stride(), value,
              length * sizeof(std::uint16_t));
}

}  // namespace pennyweight::llm
