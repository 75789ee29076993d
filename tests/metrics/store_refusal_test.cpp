// What a store refuses to open or to believe.
#include "metrics/store.h"
#include "tests/metrics/store_samples.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::test;

TEST_CASE("an existing file is never overwritten") {
  const TempDir dir;
  const std::string content = GENERATE("precious", "p");
  write_file(dir / "run.db", content);
  const auto store = StoreWriter::open(dir / "run.db", OpenMode::create_new);
  REQUIRE(!store);
  CHECK(store.error().kind == ErrorKind::usage);
  CHECK(store.error().what.find("exists already") != std::string::npos);
  CHECK(store.error().fix == "continue it with --resume, or choose another name with -o");
  CHECK(read_file(dir / "run.db") == content);
}

TEST_CASE("what is no store of ours is refused and left alone") {
  const TempDir dir;
  const auto path = dir / "other.db";
  std::string what;
  SECTION("garbage") {
    write_file(path, std::string(10'000, 'g'));
    what = "is not a Pennyweight store";
  }
  SECTION("a few bytes") {
    write_file(path, "g");
    what = "is not a Pennyweight store";
  }
  SECTION("an empty file") {
    write_file(path, "");
    what = "holds no run";
  }
  SECTION("somebody else's database") {
    sql(path, "CREATE TABLE run (run_id TEXT)");
    what = "is not a Pennyweight store";
  }
  SECTION("a directory") {
    std::filesystem::create_directory(path);
    what = "cannot ";
  }
  SECTION("a newer version") {
    REQUIRE(begun_store(path)->close());
    sql(path, "PRAGMA user_version = 2");
    what = "was written by a newer Pennyweight, format 2";
  }
  SECTION("an older version, of which there is none") {
    REQUIRE(begun_store(path)->close());
    sql(path, "PRAGMA user_version = 0");
    what = "is of format 0";
  }
  const std::string before = std::filesystem::is_directory(path) ? "" : read_file(path);
  const auto writer = StoreWriter::open(path, OpenMode::resume);
  REQUIRE(!writer);
  CHECK(writer.error().what.find(what) != std::string::npos);
  const auto r = StoreReader::open(path);
  REQUIRE(!r);
  CHECK(r.error().what.find(what) != std::string::npos);
  if (what.find("newer") != std::string::npos) {
    CHECK(r.error().why == "this one reads up to format 1");
  }
  if (!std::filesystem::is_directory(path)) CHECK(read_file(path) == before);
}

TEST_CASE("a store cut off anywhere is an error or a shorter store, never a crash") {
  const TempDir dir;
  {
    auto store = begun_store(dir / "run.db");
    for (int i = 0; i < 50; ++i) store->put(sample_record(std::to_string(i)));
    REQUIRE(store->close());
  }
  const std::string whole = read_file(dir / "run.db");
  int refused = 0;
  for (std::size_t size = 0; size < whole.size(); size += 509) {
    write_file(dir / "cut.db", whole.substr(0, size));
    const auto store = StoreReader::open(dir / "cut.db");
    const bool good =
        store && (*store)->runs() &&
        (*store)->for_each_record("run-1", "cell-1", [](const RequestRecord&) { return true; });
    refused += good ? 0 : 1;
  }
  CHECK(refused > 100);
}

TEST_CASE("a value that no version writes is named by its column") {
  const TempDir dir;
  auto store = begun_store(dir / "run.db");
  store->put(sample_record());
  REQUIRE(store->close());
  sql(dir / "run.db", "UPDATE request SET failure = 'bored'");
  const Result<void> read =
      reader(dir / "run.db")->for_each_record("run-1", "cell-1", [](const RequestRecord&) {
        return true;
      });
  REQUIRE(!read);
  CHECK(read.error().kind == ErrorKind::invalid_input);
  CHECK(read.error().why == "table request, column failure holds a value that no version writes");
}

TEST_CASE("paths that cannot be written or are not there say so") {
  const TempDir dir;
  write_file(dir / "file", "");
  for (const auto& path : {dir / "missing/run.db", dir / "file/run.db",
                           std::filesystem::path("/proc/run.db"), dir.path() / ""}) {
    const auto store = StoreWriter::open(path, OpenMode::create_new);
    INFO(path);
    REQUIRE(!store);
    CHECK((store.error().kind == ErrorKind::io || store.error().kind == ErrorKind::usage));
    CHECK(!store.error().why.empty());
    CHECK(!store.error().fix.empty());
  }
  const auto resumed = StoreWriter::open(dir / "none.db", OpenMode::resume);
  REQUIRE(!resumed);
  CHECK(resumed.error().kind == ErrorKind::not_found);
  const auto read = StoreReader::open(dir / "none.db");
  REQUIRE(!read);
  CHECK(read.error().kind == ErrorKind::not_found);
  CHECK(!std::filesystem::exists(dir / "none.db"));
}

TEST_CASE("a file left by a run that was killed before it began is no run, and taken as new") {
  const TempDir dir;
  const auto path = dir / "run.db";
  SECTION("after making it") {
    write_file(path, "");
  }
  SECTION("while making its tables") {
    sql(path, "PRAGMA journal_mode = WAL; BEGIN; CREATE TABLE t (a); ROLLBACK");
    REQUIRE(std::filesystem::file_size(path) > 0);
  }
  SECTION("after making its tables") {
    REQUIRE(new_store(path)->close());
  }
  const auto resumed = StoreWriter::open(path, OpenMode::resume);
  REQUIRE(!resumed);
  CHECK(resumed.error().what == "\"" + path.string() + "\" holds no run");
  CHECK(!resumed.error().why.empty());
  CHECK(resumed.error().fix == "start the run again, without --resume: it takes the file as new");
  REQUIRE(begun_store(path)->close());
  CHECK(reader(path)->runs()->size() == 1);
  CHECK(!StoreWriter::open(path, OpenMode::create_new));  // now it holds a run
}
