// One region of memory for all weights, or one key-value cache: zeroed, and on 2 MiB pages where
// the system gives them. Memory is taken from the machine when it is first written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "metrics/base/result.h"

namespace pennyweight::llm {

// Moves; gives the memory back on destruction. One thread takes, any thread uses what was taken.
class MemoryArena {
 public:
  MemoryArena() = default;
  static Result<MemoryArena> reserve(std::size_t bytes);
  MemoryArena(MemoryArena&& other) noexcept;
  MemoryArena& operator=(MemoryArena&& other) noexcept;
  ~MemoryArena();

  // 64-byte aligned; null when more is taken than was reserved.
  std::byte* take(std::size_t bytes) noexcept;
  std::size_t used() const { return used_; }
  static constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

 private:
  std::byte* start_ = nullptr;
  std::size_t size_ = 0, used_ = 0;
};

// What the machine could give without swapping (MemAvailable). Empty where it does not say.
std::optional<std::uint64_t> available_memory();

}  // namespace pennyweight::llm
