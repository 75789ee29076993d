// Keys and values of the tokens seen so far, as f16, laid out as the attention kernel reads them:
// in blocks of 64 positions, which sequences take one after another and may share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "local_backend/kernels/kernels.h"
#include "local_backend/model/model_config.h"
#include "local_backend/runtime/memory_arena.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

using KvBlock = std::uint32_t;  // index in its pool

// The memory that the blocks of all sequences come from. A block holds kKvBlock positions of every
// layer and head; one that is shared (its count above 1) must not be written. Taken from the
// machine when first written. Its address must not change while sequences refer to it. Taking and
// giving back: one thread; different positions or heads may be written by different threads.
class KvPool {
 public:
  static Result<KvPool> make(const ModelConfig& config, std::size_t positions);
  static std::uint64_t block_bytes(const ModelConfig& config);
  static constexpr std::size_t blocks_for(std::size_t positions) {
    return (positions + kKvBlock - 1) / kKvBlock;
  }

  std::size_t blocks() const { return owners_.size(); }
  std::size_t free_blocks() const { return free_.size(); }
  KvBlock take();  // with one owner; free_blocks() must not be 0
  std::uint32_t owners(KvBlock block) const { return owners_[block]; }
  void share(KvBlock block) { ++owners_[block]; }
  void give_back(KvBlock block);  // one owner less; free again without any

  std::uint16_t* data(KvBlock block) const { return data_ + block * block_halves_; }
  // Where in a block the keys and the values of a layer and head begin.
  std::size_t key_offset(std::size_t layer, std::size_t head) const {
    return (layer * kv_heads_ + head) * kKvBlock * (head_length_ + value_stride_);
  }
  std::size_t value_offset(std::size_t layer, std::size_t head) const {
    return key_offset(layer, head) + kKvBlock * head_length_;
  }
  std::size_t head_length() const { return head_length_; }
  std::size_t value_stride() const { return value_stride_; }

 private:
  MemoryArena arena_;
  std::uint16_t* data_ = nullptr;
  std::size_t block_halves_ = 0, kv_heads_ = 0, head_length_ = 0, value_stride_ = 0;
  std::vector<std::uint32_t> owners_;  // of each block; 0: free
  std::vector<KvBlock> free_;
};

// The blocks of one sequence, in order of position. Gives them back on destruction.
class KvSequence {
 public:
  explicit KvSequence(KvPool& pool) : pool_(&pool) {}
  KvSequence(KvSequence&& other) noexcept;
  KvSequence& operator=(KvSequence&& other) noexcept;
  ~KvSequence() { clear(); }

  // Room for so many positions; what is held stays. False, with nothing taken, when the pool has
  // too few free blocks.
  bool reserve(std::size_t positions);
  // Takes part in a block of another sequence, behind those that are held.
  void adopt(KvBlock shared);
  void clear();

  std::size_t capacity() const { return blocks_.size() * kKvBlock; }
  const std::vector<KvBlock>& blocks() const { return blocks_; }
  // Positions [begin, end) of a layer and head, for the attention kernel.
  KvHistory history(std::size_t layer, std::size_t head) const {
    return {pointers_.data(), pool_->key_offset(layer, head), pool_->value_offset(layer, head)};
  }
  // Both have head_length halves. The position's block must not be shared.
  void store(std::size_t layer, std::size_t head, std::size_t position, const std::uint16_t* key,
             const std::uint16_t* value) const;

 private:
  KvPool* pool_;
  std::vector<KvBlock> blocks_;
  std::vector<const std::uint16_t*> pointers_;  // data of each
};

}  // namespace pennyweight::llm
