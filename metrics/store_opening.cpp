#include "metrics/store_opening.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "metrics/store_schema.h"

namespace pennyweight::store {
namespace {

// True: there was none. False: there is one that holds nothing.
Result<bool> make_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
  const int number = errno;
  if (fd >= 0) {
    ::close(fd);
    return true;
  }
  if (number != EEXIST) {
    return fail(ErrorKind::io, "cannot make \"" + path.string() + "\"",
                std::generic_category().message(number), "choose a writable place with -o");
  }
  if (store_holds_nothing(path)) return false;
  return fail(ErrorKind::usage, "\"" + path.string() + "\" exists already",
              "a run never overwrites another",
              "continue it with --resume, or choose another name with -o");
}

Result<void> make_schema(sqlite::Database& db) {
  const Result<bool> blank = is_blank(db);
  if (!blank) return fail(blank.error());
  if (!*blank) return {};
  if (Result<void> done = db.run("PRAGMA journal_mode = WAL"); !done) return done;
  return db.run("BEGIN IMMEDIATE; PRAGMA application_id = " + std::to_string(kStoreApplicationId) +
                "; PRAGMA user_version = " + std::to_string(kStoreVersion) + ";" + schema_sql() +
                "COMMIT");
}

Result<void> expect_run(sqlite::Database& db) {
  if (Result<void> ours = check_format(db); !ours) return ours;
  const Result<std::int64_t> runs = db.integer("SELECT count(*) FROM run");
  if (!runs) return fail(runs.error());
  return *runs > 0 ? Result<void>() : holds_no_run(db);
}

}  // namespace

Result<WritableStore> open_writable(const std::filesystem::path& path, OpenMode mode) {
  const bool fresh = mode == OpenMode::create_new;
  std::error_code ignored;
  if (!fresh && !std::filesystem::exists(path, ignored)) {
    return fail(ErrorKind::not_found, "no file \"" + path.string() + "\" to resume", "",
                "check the path, or leave --resume out");
  }
  Result<StoreLock> lock = StoreLock::take(path);
  if (!lock) return fail(lock.error());
  const Result<bool> made = fresh ? make_file(path) : false;
  if (!made) return fail(made.error());
  Result<sqlite::Database> db = sqlite::Database::open(path, sqlite::Access::read_write);
  Result<void> ready;
  if (!db) {
    ready = fail(db.error());
  } else {
    ready = fresh ? make_schema(*db) : expect_run(*db);
    // A checkpoint syncs the disk: rarely within a cell (10000 pages = 40 MB), else between cells.
    if (ready) {
      ready = db->run(
          "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
          "PRAGMA wal_autocheckpoint = 10000");
    }
  }
  if (ready) return WritableStore{std::move(*lock), std::move(*db)};
  if (*made) {  // so that the next try finds what this one found
    db = fail(ready.error());
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(path.string() + suffix, ignored);
    }
  }
  return fail(ready.error());
}

}  // namespace pennyweight::store

namespace pennyweight {

bool store_holds_nothing(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return false;
  Result<sqlite::Database> db = sqlite::Database::open(path, sqlite::Access::read_only);
  if (!db) return false;
  if (store::is_blank(*db).value_or(false)) return true;
  return store::check_format(*db) && db->integer("SELECT count(*) FROM run").value_or(1) == 0;
}

}  // namespace pennyweight
