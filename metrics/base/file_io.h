// Files, with errors that name the path. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "metrics/base/result.h"

namespace pennyweight {

Result<std::string> read_file(const std::filesystem::path& path);

// Writes to a temporary file beside `path`, fsyncs it and renames: a reader sees the old file or
// the new one, never half of one.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view bytes);
// The same for a library that insists on writing by path: `write` gets the temporary path.
Result<void> write_file_atomically(
    const std::filesystem::path& path,
    const std::function<Result<void>(const std::filesystem::path& temporary)>& write);

// Whether a file could be made at `path`, found before the work that would fill it. Leaves nothing.
Result<void> probe_writable(const std::filesystem::path& path);

// Random access without reading the whole: a read-only view of a file. Moves; closes on
// destruction. read_at is safe from several threads.
class RandomAccessFile {
 public:
  static Result<RandomAccessFile> open(const std::filesystem::path& path);
  RandomAccessFile(RandomAccessFile&&) noexcept;
  RandomAccessFile& operator=(RandomAccessFile&&) noexcept;
  ~RandomAccessFile();
  std::uint64_t size() const { return size_; }
  const std::filesystem::path& path() const { return path_; }
  // Fills all of `out`, or fails: a file that shrank is an error, not a crash.
  Result<void> read_at(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  RandomAccessFile(int fd, std::uint64_t size, std::filesystem::path path)
      : fd_(fd), size_(size), path_(std::move(path)) {}
  int fd_ = -1;
  std::uint64_t size_ = 0;
  std::filesystem::path path_;
};

// Directory of read-only data beside the program: <prefix>/share/pennyweight, found from
// /proc/self/exe; the build tree works too.
std::filesystem::path share_directory();

}  // namespace pennyweight
