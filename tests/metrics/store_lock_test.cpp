// One writer of a store at a time, in this process or another, with readers beside it.
#include <array>

#include <sys/wait.h>
#include <unistd.h>

#include "metrics/store.h"
#include "tests/metrics/store_samples.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::test;

namespace {

// What another process is told that opens the store to resume it; "" when it may.
std::string refusal_elsewhere(const std::filesystem::path& path) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto store = StoreWriter::open(path, OpenMode::resume);
    const std::string what = store ? "" : store.error().what;
    const bool told = ::write(ends[1], what.data(), what.size()) == ssize_t(what.size());
    _exit(told ? 0 : 1);
  }
  close(ends[1]);
  std::array<char, 500> buffer{};
  const ssize_t size = ::read(ends[0], buffer.data(), buffer.size());
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  REQUIRE(size >= 0);
  return std::string(buffer.data(), std::size_t(size));
}

int files_in(const TempDir& dir) {
  int files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(dir.path())) ++files;
  return files;
}

}  // namespace

TEST_CASE("a second writer of a store is refused while the first lives, a reader is not") {
  const TempDir dir;
  const auto path = dir / "run.db";
  auto store = begun_store(path);
  std::filesystem::create_symlink(path, dir / "link.db");
  for (const auto& name : {path, dir / "link.db"}) {
    for (const OpenMode mode : {OpenMode::resume, OpenMode::create_new}) {
      const auto second = StoreWriter::open(name, mode);
      REQUIRE(!second);
      CHECK(second.error().kind == ErrorKind::usage);
      CHECK(second.error().what == "\"" + name.string() + "\" is being written by another run");
      CHECK(!second.error().why.empty());
      CHECK(!second.error().fix.empty());
    }
  }
  // The refusals dropped no lock of the first, neither ours nor SQLite's.
  CHECK(refusal_elsewhere(path) == "\"" + path.string() + "\" is being written by another run");
  store->put(sample_record());
  REQUIRE(store->checkpoint());
  CHECK(records(*reader(path)).size() == 1);
  CHECK(refusal_elsewhere(path) != "");

  REQUIRE(store->close());
  CHECK(files_in(dir) == 2);  // the store and the link
  auto next = StoreWriter::open(path, OpenMode::resume);
  CHECK(next);
}

TEST_CASE("a writer that goes without closing lets the next one in") {
  const TempDir dir;
  const auto path = dir / "run.db";
  SECTION("destroyed") {
    begun_store(path).reset();
  }
  SECTION("refused") {
    write_file(path, "precious");
    CHECK(!StoreWriter::open(path, OpenMode::create_new));
    CHECK(!StoreWriter::open(path, OpenMode::resume));
    CHECK(files_in(dir) == 1);
    std::filesystem::remove(path);
    begun_store(path).reset();
  }
  SECTION("killed") {
    REQUIRE(begun_store(path)->close());
    CHECK(refusal_elsewhere(path).empty());  // it ends with the store open
    CHECK(std::filesystem::exists(dir / "run.db-lock"));
  }
  auto next = StoreWriter::open(path, OpenMode::resume);
  REQUIRE(next);
  REQUIRE((*next)->close());
  CHECK(files_in(dir) == 1);
}

TEST_CASE("a store with hard links is refused by each of its names until it has one") {
  const TempDir dir;
  const auto path = dir / "run.db", other = dir / "other.db";
  auto store = begun_store(path);
  std::filesystem::create_hard_link(path, other);
  const auto beside = StoreWriter::open(other, OpenMode::resume);
  REQUIRE(!beside);
  CHECK(beside.error().what == "\"" + other.string() + "\" is one of 2 hard links to one file");
  // That dropped no lock of the first.
  CHECK(refusal_elsewhere(path) == "\"" + path.string() + "\" is being written by another run");
  store->put(sample_record());
  REQUIRE(store->close());
  CHECK(!StoreWriter::open(path, OpenMode::resume));
  CHECK(files_in(dir) == 2);
  CHECK(records(*reader(other)).size() == 1);  // reading harms nobody
  std::filesystem::remove(other);
  CHECK(StoreWriter::open(path, OpenMode::resume));
}
