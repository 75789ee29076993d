// At most one writer of a store, in this process or another. Private to store_*.cpp.
#pragma once

#include <filesystem>

#include "metrics/base/result.h"

namespace pennyweight::store {

// An exclusive flock(2) on "<store>-lock" until released or destroyed; then the file is gone too. A
// killed holder leaves the file behind, unlocked, and the next one takes it over. It is not on the
// store itself: closing any descriptor of that would drop the locks that SQLite holds on it in this
// process.
class StoreLock {
 public:
  // A store with hard links is refused too: SQLite names its log after the name it opened, so that
  // a writer by another name would spoil the file.
  static Result<StoreLock> take(const std::filesystem::path& store);
  StoreLock() = default;  // holds nothing
  StoreLock(StoreLock&& other) noexcept;
  StoreLock& operator=(StoreLock&& other) noexcept;
  ~StoreLock() { release(); }
  void release();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace pennyweight::store
