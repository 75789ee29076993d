#include "metrics/base/file_io.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pennyweight {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> failed(std::string_view verb, const fs::path& path, int error) {
  const ErrorKind kind = error == ENOENT || error == ENOTDIR ? ErrorKind::not_found : ErrorKind::io;
  std::string fix;
  if (error == ENOENT || error == ENOTDIR) fix = "check the path";
  if (error == EACCES || error == EROFS) fix = "check the permissions, or choose another place";
  if (error == ENOSPC || error == EDQUOT) fix = "free some disk space";
  return fail(kind, "cannot " + std::string(verb) + " \"" + path.string() + "\"",
              std::generic_category().message(error), std::move(fix));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { release(); }
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Closes; a delayed write error (NFS, quota) appears only here.
  int release() {
    const int result = fd_ >= 0 ? ::close(fd_) : 0;
    fd_ = -1;
    return result;
  }

 private:
  int fd_;
};

int open_retrying(const fs::path& path, int flags, mode_t mode = 0) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

Result<void> write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// A name beside `path` that no other thread or process has. `path` itself is resolved through
// symbolic links first, so that a link stays a link.
fs::path temporary_beside(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  fs::path out = path;
  out += ".tmp" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
  return out;
}

fs::path resolve_links(const fs::path& path) {
  std::error_code error;
  fs::path real = fs::canonical(path, error);
  return error ? path : real;
}

Result<void> sync_and_rename(const fs::path& temporary, const fs::path& path) {
  Descriptor file(open_retrying(temporary, O_RDONLY));
  if (!file) return failed("write", path, errno);
  if (::fsync(file.get()) != 0) return failed("write", path, errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("write", path, errno);
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (Descriptor directory(open_retrying(parent, O_RDONLY | O_DIRECTORY)); directory) {
    ::fsync(directory.get());  // some file systems refuse; the rename itself is done
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const fs::path& path) {
  Descriptor file(open_retrying(path, O_RDONLY));
  if (!file) return failed("read", path, errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return failed("read", path, errno);
  if (S_ISDIR(info.st_mode)) return failed("read", path, EISDIR);
  std::string out;
  // Pipes and /proc report size 0, so the size is a hint and the end of file decides.
  std::size_t used = 0;
  out.resize(static_cast<std::size_t>(info.st_size) + 1);
  for (;;) {
    if (used == out.size()) out.resize(out.size() * 2 + 4096);
    const ssize_t n = ::read(file.get(), out.data() + used, out.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", path, errno);
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
  }
  out.resize(used);
  return out;
}

Result<void> write_file_atomically(const fs::path& path, std::string_view bytes) {
  return write_file_atomically(path, [&](const fs::path& temporary) -> Result<void> {
    Descriptor file(open_retrying(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666));
    if (!file) return failed("write", path, errno);
    if (Result<void> written = write_all(file.get(), bytes, path); !written) return written;
    if (file.release() != 0) return failed("write", path, errno);
    return {};
  });
}

Result<void> write_file_atomically(
    const fs::path& path, const std::function<Result<void>(const fs::path& temporary)>& write) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) return failed("write", path, EISDIR);
  // A pipe or a terminal (/dev/stdout) has nothing to rename over.
  if (fs::exists(status) && !fs::is_regular_file(status)) return write(path);
  const fs::path target = resolve_links(path);
  const fs::path temporary = temporary_beside(target);
  Result<void> result = write(temporary);
  if (result) result = sync_and_rename(temporary, target);
  if (!result) ::unlink(temporary.c_str());
  return result;
}

Result<void> probe_writable(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (fs::is_directory(status)) return failed("write", path, EISDIR);
  if (fs::exists(status)) {
    if (::access(path.c_str(), W_OK) != 0) return failed("write", path, errno);
    if (!fs::is_regular_file(status)) return {};
  }
  const fs::path temporary = temporary_beside(resolve_links(path));
  Descriptor file(open_retrying(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
  if (!file) return failed("write", path, errno);
  ::unlink(temporary.c_str());
  return {};
}

Result<RandomAccessFile> RandomAccessFile::open(const fs::path& path) {
  const int fd = open_retrying(path, O_RDONLY | O_NONBLOCK);  // a pipe would wait for a writer
  if (fd < 0) return failed("read", path, errno);
  RandomAccessFile file(fd, 0, path);
  struct stat info {};
  if (::fstat(fd, &info) != 0) return failed("read", path, errno);
  if (S_ISDIR(info.st_mode)) return failed("read", path, EISDIR);
  if (!S_ISREG(info.st_mode)) return failed("read", path, ESPIPE);
  file.size_ = static_cast<std::uint64_t>(info.st_size);
  return file;
}

RandomAccessFile::RandomAccessFile(RandomAccessFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      size_(std::exchange(other.size_, 0)),
      path_(std::move(other.path_)) {}

RandomAccessFile& RandomAccessFile::operator=(RandomAccessFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

RandomAccessFile::~RandomAccessFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> RandomAccessFile::read_at(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset > size_ || out.size() > size_ - offset) {
    return fail(ErrorKind::invalid_input, "\"" + path_.string() + "\" ends too early",
                "byte " + std::to_string(offset) + " and " + std::to_string(out.size()) +
                    " more were wanted of " + std::to_string(size_));
  }
  while (!out.empty()) {
    const ssize_t n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", path_, errno);
    if (n == 0) {
      return fail(ErrorKind::io, "\"" + path_.string() + "\" became shorter while it was read");
    }
    offset += static_cast<std::uint64_t>(n);
    out = out.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

fs::path share_directory() {
  const fs::path relative = fs::path("share") / "pennyweight";
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (fs::path at = program.parent_path(); !error && at != at.root_path(); at = at.parent_path()) {
    if (std::error_code ignored; fs::is_directory(at / relative, ignored)) return at / relative;
  }
  return program.parent_path().parent_path() / relative;
}

}  // namespace pennyweight
