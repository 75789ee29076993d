// Keys and values of the tokens seen so far, as f16, laid out as the attention kernel reads them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "local_backend/model/llama_config.h"
#include "local_backend/runtime/memory_arena.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

// One sequence. Different positions or heads may be written by different threads.
class KvCache {
 public:
  static Result<KvCache> make(const LlamaConfig& config, std::size_t positions);
  // Bytes that `positions` of them take; they come in steps of 16.
  static std::uint64_t bytes(const LlamaConfig& config, std::size_t positions);

  std::size_t capacity() const { return positions_; }
  std::size_t value_stride() const { return value_stride_; }
  std::uint16_t* keys(std::size_t layer, std::size_t head) const;
  std::uint16_t* values(std::size_t layer, std::size_t head) const;
  // Both have head_length halves.
  void store(std::size_t layer, std::size_t head, std::size_t position, const std::uint16_t* key,
             const std::uint16_t* value) const;

 private:
  MemoryArena arena_;
  std::uint16_t* data_ = nullptr;
  std::size_t positions_ = 0, kv_heads_ = 0, head_length_ = 0, value_stride_ = 0;
};

}  // namespace pennyweight::llm
