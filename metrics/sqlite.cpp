#include "metrics/sqlite.h"

#include <system_error>

#include <sqlite3.h>

namespace pennyweight::sqlite {
namespace {

// A program that reads the file beside us (a report of a running store) is waited for this long.
constexpr int kBusyMilliseconds = 2000;

std::string system_reason(sqlite3* db) {
  const int number = sqlite3_system_errno(db);
  std::string reason = sqlite3_errmsg(db);
  if (number != 0) reason += " (" + std::generic_category().message(number) + ")";
  return reason;
}

Error explain(sqlite3* db, int code, const std::filesystem::path& path) {
  const std::string name = "\"" + path.string() + "\"";
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {ErrorKind::io, "cannot write " + name, "the disk is full",
              "free some space, then continue with --resume"};
    case SQLITE_IOERR:
      return {ErrorKind::io, "cannot read or write " + name, system_reason(db),
              "check the disk and its free space, then continue with --resume"};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {ErrorKind::io, name + " cannot be written", system_reason(db),
              "choose a writable place, or copy the file and its -wal file to one"};
    case SQLITE_CANTOPEN:
      return {ErrorKind::io, "cannot open " + name, system_reason(db),
              "check the path and its permissions; a store left by an interrupted run needs a "
              "writable directory"};
    case SQLITE_CORRUPT:
      return {ErrorKind::invalid_input, name + " is damaged", sqlite3_errmsg(db),
              "restore it from a copy"};
    case SQLITE_NOTADB:
      return {ErrorKind::invalid_input, name + " is not a Pennyweight store", sqlite3_errmsg(db),
              "give the .db file that a run has written"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorKind::io, name + " is in use", sqlite3_errmsg(db),
              "let the other program finish first"};
    default:
      return {ErrorKind::internal, "the store " + name + " refused a statement", sqlite3_errmsg(db),
              "please report this"};
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* s) const {
  sqlite3_finalize(s);
}
void Database::Close::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}

void Statement::bind(std::int64_t value) {
  sqlite3_bind_int64(handle_.get(), ++parameter_, value);
}

void Statement::bind(double value) {
  sqlite3_bind_double(handle_.get(), ++parameter_, value);
}

void Statement::bind_text(std::string_view text) {
  // A null pointer would bind NULL.
  sqlite3_bind_text64(handle_.get(), ++parameter_, text.empty() ? "" : text.data(), text.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::bind_blob(std::string_view bytes) {
  sqlite3_bind_blob64(handle_.get(), ++parameter_, bytes.empty() ? "" : bytes.data(), bytes.size(),
                      SQLITE_TRANSIENT);
}

void Statement::bind_null() {
  sqlite3_bind_null(handle_.get(), ++parameter_);
}

Result<bool> Statement::step() {
  column_ = 0;
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  parameter_ = 0;
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle_.get());
    return false;
  }
  Error error = explain(sqlite3_db_handle(handle_.get()), code, path_);
  sqlite3_reset(handle_.get());
  return fail(std::move(error));
}

Result<void> Statement::execute() {
  for (;;) {
    const Result<bool> row = step();
    if (!row) return fail(row.error());
    if (!*row) return {};
  }
}

bool Statement::next_is_null() const {
  return sqlite3_column_type(handle_.get(), column_) == SQLITE_NULL;
}

std::int64_t Statement::take_integer() {
  return sqlite3_column_int64(handle_.get(), column_++);
}

double Statement::take_real() {
  return sqlite3_column_double(handle_.get(), column_++);
}

std::string Statement::take_bytes() {
  const void* bytes = sqlite3_column_blob(handle_.get(), column_);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column_));
  ++column_;
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

Result<Database> Database::open(const std::filesystem::path& path, Access access) {
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  Database db;
  db.handle_.reset(handle);
  db.path_ = path;
  if (code != SQLITE_OK) return fail(explain(handle, code, path));
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // SQLite falls back to reading where it may not write; a writer must hear of it now.
  if (access == Access::read_write && sqlite3_db_readonly(handle, "main") == 1) {
    return fail(ErrorKind::io, "\"" + path.string() + "\" cannot be written",
                "the file or its disk is read-only", "choose a writable place, or copy the file");
  }
  return db;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code =
      sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &handle, nullptr);
  if (code != SQLITE_OK) return fail(explain(handle_.get(), code, path_));
  Statement statement;
  statement.handle_.reset(handle);
  statement.path_ = path_;
  return statement;
}

Result<void> Database::run(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(explain(handle_.get(), code, path_));
  return {};
}

Result<std::int64_t> Database::integer(const std::string& sql) {
  Result<Statement> statement = prepare(sql);
  if (!statement) return fail(statement.error());
  const Result<bool> row = statement->step();
  if (!row) return fail(row.error());
  return *row ? statement->take_integer() : 0;
}

}  // namespace pennyweight::sqlite
