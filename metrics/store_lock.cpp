#include "metrics/store_lock.h"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pennyweight::store {
namespace {

// The same for every name that leads to the store by symbolic links.
std::filesystem::path lock_path(const std::filesystem::path& store) {
  std::error_code failed;
  const std::filesystem::path real = std::filesystem::weakly_canonical(store, failed);
  return (failed ? store : real).string() + "-lock";
}

bool is_file_at(int fd, const std::filesystem::path& path) {
  struct stat ours {};
  struct stat named {};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

// Whether writing to it changes no other file. One that is not there has one name.
Result<void> has_one_name(const std::filesystem::path& store) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(store, failed)) return {};  // refused where it is opened
  const auto names = std::filesystem::hard_link_count(store, failed);
  if (failed || names <= 1) return {};
  return fail(
      ErrorKind::usage,
      "\"" + store.string() + "\" is one of " + std::to_string(names) + " hard links to one file",
      "a run writing by one name would spoil what another name holds",
      "copy it with cp, and go on with the copy");
}

}  // namespace

Result<StoreLock> StoreLock::take(const std::filesystem::path& store) {
  StoreLock lock;
  const std::filesystem::path path = lock_path(store);
  // A holder that ends between our opening and our locking takes away the file that we opened.
  while (lock.path_.empty()) {
    const int fd = ::open(path.c_str(), O_CREAT | O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
    const bool locked = fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0;
    const int number = errno;
    if (locked && is_file_at(fd, path)) {
      lock.path_ = path;
      lock.fd_ = fd;
      continue;
    }
    if (fd >= 0) ::close(fd);
    if (locked) continue;
    if (fd >= 0 && number == EWOULDBLOCK) {
      return fail(ErrorKind::usage, "\"" + store.string() + "\" is being written by another run",
                  "two runs in one file would spoil each other's records",
                  "wait until it ends, or stop it; a report can be made meanwhile");
    }
    return fail(
        ErrorKind::io, "cannot lock \"" + store.string() + "\" by \"" + path.string() + "\"",
        std::generic_category().message(number), "choose a writable directory on a local disk");
  }
  if (Result<void> alone = has_one_name(store); !alone) return fail(alone.error());
  return lock;
}

StoreLock::StoreLock(StoreLock&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

StoreLock& StoreLock::operator=(StoreLock&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  other.release();
  return *this;
}

void StoreLock::release() {
  if (fd_ < 0) return;
  ::unlink(path_.c_str());  // while it is locked: later it may be another's
  ::close(std::exchange(fd_, -1));
}

}  // namespace pennyweight::store
