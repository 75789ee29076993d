#include "metrics/base/file_io.h"

#include <array>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

namespace fs = std::filesystem;

std::size_t entries(const fs::path& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

TEST_CASE("a file is read whole, and an error names its path") {
  test::TempDir dir;
  std::string bytes(100'000, 'x');
  bytes[1] = '\0';
  bytes[3] = '\xff';
  test::write_file(dir / "f", bytes);
  CHECK(read_file(dir / "f").value() == bytes);
  test::write_file(dir / "empty", "");
  CHECK(read_file(dir / "empty").value().empty());
  const auto missing = read_file(dir / "missing");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::not_found);
  CHECK(missing.error().what.find((dir / "missing").string()) != std::string::npos);
  CHECK(read_file(dir.path()).error().kind == ErrorKind::io);
}

TEST_CASE("a file whose size the kernel does not know is read whole") {
  CHECK(read_file("/proc/self/status").value().find("Pid:") != std::string::npos);
}

TEST_CASE("an atomic write leaves the file and nothing else") {
  test::TempDir dir;
  REQUIRE(write_file_atomically(dir / "f", "one"));
  REQUIRE(write_file_atomically(dir / "f", "two"));
  CHECK(test::read_file(dir / "f") == "two");
  CHECK(entries(dir.path()) == 1);
}

TEST_CASE("a failed write leaves the old file as it was") {
  test::TempDir dir;
  test::write_file(dir / "f", "old");
  const auto result =
      write_file_atomically(dir / "f", [](const fs::path& temporary) -> Result<void> {
        test::write_file(temporary, "half");
        return fail(ErrorKind::io, "disk full");
      });
  CHECK(result.error().what == "disk full");
  CHECK(test::read_file(dir / "f") == "old");
  CHECK(entries(dir.path()) == 1);
  CHECK(write_file_atomically(dir / "none" / "f", "x").error().kind == ErrorKind::not_found);
  CHECK(write_file_atomically(dir.path(), "x").error().kind == ErrorKind::io);
}

TEST_CASE("writing through a link keeps the link") {
  test::TempDir dir;
  test::write_file(dir / "real", "old");
  fs::create_symlink("real", dir / "link");
  REQUIRE(write_file_atomically(dir / "link", "new"));
  CHECK(fs::is_symlink(dir / "link"));
  CHECK(test::read_file(dir / "real") == "new");
}

TEST_CASE("what is not a regular file is written into, not replaced") {
  REQUIRE(write_file_atomically("/dev/null", "x"));
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a probe finds out and leaves nothing") {
  test::TempDir dir;
  CHECK(probe_writable(dir / "new"));
  CHECK(entries(dir.path()) == 0);
  test::write_file(dir / "old", "x");
  CHECK(probe_writable(dir / "old"));
  CHECK(test::read_file(dir / "old") == "x");
  CHECK_FALSE(probe_writable(dir.path()));
  CHECK_FALSE(probe_writable(dir / "none" / "f"));
  CHECK_FALSE(probe_writable(dir / "old" / "f"));
  CHECK_FALSE(probe_writable("/proc/f"));
  CHECK(probe_writable("/dev/null"));
}

TEST_CASE("random access reads what is there and refuses what is not") {
  test::TempDir dir;
  test::write_file(dir / "f", "0123456789");
  auto file = RandomAccessFile::open(dir / "f");
  REQUIRE(file);
  CHECK(file->size() == 10);
  std::array<std::byte, 4> part{};
  REQUIRE(file->read_at(6, part));
  CHECK(part[3] == std::byte{'9'});
  CHECK_FALSE(file->read_at(7, part));
  CHECK_FALSE(file->read_at(UINT64_MAX, part));
  CHECK(file->read_at(10, std::span(part).first(0)));
  RandomAccessFile moved = std::move(*file);
  CHECK(moved.read_at(0, part));
  REQUIRE(::truncate((dir / "f").c_str(), 3) == 0);
  const auto shrunk = moved.read_at(0, part);
  REQUIRE_FALSE(shrunk);
  CHECK(shrunk.error().kind == ErrorKind::io);
}

TEST_CASE("random access opens regular files only") {
  test::TempDir dir;
  CHECK(RandomAccessFile::open(dir / "none").error().kind == ErrorKind::not_found);
  CHECK_FALSE(RandomAccessFile::open(dir.path()));
  CHECK_FALSE(RandomAccessFile::open("/dev/null"));
  REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
  CHECK_FALSE(RandomAccessFile::open(dir / "pipe"));  // and does not wait for a writer
}

TEST_CASE("the share directory is one of this program's") {
  CHECK(share_directory().filename() == "pennyweight");
  CHECK(share_directory().parent_path().filename() == "share");
}

}  // namespace
}  // namespace pennyweight
