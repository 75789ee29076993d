#include "local_backend/model/kv_cache.h"

#include <cstring>
#include <utility>

#include "local_backend/kernels/kernels.h"

namespace pennyweight::llm {
namespace {

constexpr std::size_t padded(std::size_t n) {
  return (n + kPanelRows - 1) / kPanelRows * kPanelRows;
}

}  // namespace

std::uint64_t KvCache::bytes(const LlamaConfig& config, std::size_t positions) {
  const auto length = static_cast<std::size_t>(config.head_length);
  return padded(positions) * (length + padded(length)) * sizeof(std::uint16_t) *
         static_cast<std::size_t>(config.layers) * static_cast<std::size_t>(config.kv_heads);
}

Result<KvCache> KvCache::make(const LlamaConfig& config, std::size_t positions) {
  const std::uint64_t size = bytes(config, positions);
  auto arena = MemoryArena::reserve(MemoryArena::aligned(size));
  if (!arena) return fail(std::move(arena).error());
  KvCache cache;
  cache.arena_ = *std::move(arena);
  cache.data_ = reinterpret_cast<std::uint16_t*>(cache.arena_.take(size));
  cache.positions_ = padded(positions);
  cache.kv_heads_ = static_cast<std::size_t>(config.kv_heads);
  cache.head_length_ = static_cast<std::size_t>(config.head_length);
  cache.value_stride_ = padded(cache.head_length_);
  return cache;
}

std::uint16_t* KvCache::keys(std::size_t layer, std::size_t head) const {
  return data_ + (layer * kv_heads_ + head) * positions_ * (head_length_ + value_stride_);
}

std::uint16_t* KvCache::values(std::size_t layer, std::size_t head) const {
  return keys(layer, head) + positions_ * head_length_;
}

void KvCache::store(std::size_t layer, std::size_t head, std::size_t position,
                    const std::uint16_t* key, const std::uint16_t* value) const {
  std::uint16_t* panel = keys(layer, head) + position / kPanelRows * kPanelRows * head_length_;
  for (std::size_t d = 0; d < head_length_; ++d)
    panel[d * kPanelRows + position % kPanelRows] = key[d];
  std::memcpy(values(layer, head) + position * value_stride_, value,
              head_length_ * sizeof(std::uint16_t));
}

}  // namespace pennyweight::llm
