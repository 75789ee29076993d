#include "local_backend/runtime/memory_arena.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>
#include <utility>

#include <sys/mman.h>

namespace pennyweight::llm {

Result<MemoryArena> MemoryArena::reserve(std::size_t bytes) {
  MemoryArena arena;
  if (bytes == 0) return arena;
  void* start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED)
    return fail(ErrorKind::io, "cannot reserve " + std::to_string(bytes >> 20) + " MiB of memory",
                "the system refused the mapping", "close other programs, or use a smaller model");
  madvise(start, bytes, MADV_HUGEPAGE);  // advice: nothing breaks without it
  arena.start_ = static_cast<std::byte*>(start);
  arena.size_ = bytes;
  return arena;
}

MemoryArena::MemoryArena(MemoryArena&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      used_(std::exchange(other.used_, 0)) {}

MemoryArena& MemoryArena::operator=(MemoryArena&& other) noexcept {
  std::swap(start_, other.start_);
  std::swap(size_, other.size_);
  std::swap(used_, other.used_);
  return *this;
}

MemoryArena::~MemoryArena() {
  if (start_ != nullptr) munmap(start_, size_);
}

std::byte* MemoryArena::take(std::size_t bytes) noexcept {
  bytes = aligned(bytes);
  if (bytes > size_ - used_) return nullptr;
  std::byte* start = start_ + used_;
  used_ += bytes;
  return start;
}

namespace {

// What the control group of this process may still take (cgroup v2): containers and CI jobs.
std::optional<std::uint64_t> group_memory() {
  const auto number = [](const char* path) -> std::optional<std::uint64_t> {
    std::ifstream in(path);
    std::uint64_t bytes = 0;  // "max" is no number: no limit
    return in >> bytes ? std::optional(bytes) : std::nullopt;
  };
  const auto most = number("/sys/fs/cgroup/memory.max");
  auto used = number("/sys/fs/cgroup/memory.current");
  if (!most || !used) return std::nullopt;
  std::ifstream stat("/sys/fs/cgroup/memory.stat");
  std::uint64_t bytes = 0;
  for (std::string name; stat >> name >> bytes;)
    if (name == "inactive_file") *used -= std::min(*used, bytes);  // cache, given up when wanted
  return *most > *used ? *most - *used : 0;
}

std::optional<std::uint64_t> machine_memory() {
  std::ifstream in("/proc/meminfo");
  for (std::string word; in >> word;) {
    if (word != "MemAvailable:") continue;
    if (!(in >> word)) return std::nullopt;
    std::uint64_t kib = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), kib);
    if (parsed.ec != std::errc()) return std::nullopt;
    return kib << 10;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> available_memory() {
  const auto machine = machine_memory(), group = group_memory();
  return machine && group ? std::min(*machine, *group) : machine;
}

}  // namespace pennyweight::llm
