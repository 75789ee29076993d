#include "metrics/store_schema.h"

#include <system_error>

namespace pennyweight::store {
namespace {

template <class Row>
std::string table_sql() {
  return "CREATE TABLE " + std::string(table<Row>.name) + " (" + column_names<Row>().ddl +
         ", PRIMARY KEY (" + std::string(table<Row>.key) + ")) STRICT;\n";
}

}  // namespace

std::string schema_sql() {
  std::string sql;
  std::apply([&](const auto&... row) { ((sql += table_sql<std::decay_t<decltype(row)>>()), ...); },
             Rows{});
  return sql;
}

Result<bool> is_blank(sqlite::Database& db) {
  const Result<std::int64_t> blank = db.integer(
      "SELECT NOT EXISTS (SELECT 1 FROM sqlite_master)"
      " AND (SELECT application_id FROM pragma_application_id) = 0"
      " AND (SELECT user_version FROM pragma_user_version) = 0");
  if (!blank) return fail(blank.error());
  // SQLite takes a file of one byte for an empty one; that byte is somebody's.
  std::error_code ignored;
  return *blank != 0 && std::filesystem::file_size(db.path(), ignored) != 1;
}

Result<void> holds_no_run(const sqlite::Database& db) {
  return fail(ErrorKind::invalid_input, "\"" + db.path().string() + "\" holds no run",
              "the one that made the file ended before it began",
              "start the run again, without --resume: it takes the file as new");
}

Result<void> check_format(sqlite::Database& db) {
  const std::string name = "\"" + db.path().string() + "\"";
  const Result<bool> blank = is_blank(db);
  if (!blank) return fail(blank.error());
  if (*blank) return holds_no_run(db);
  const Result<std::int64_t> id = db.integer("PRAGMA application_id");
  if (!id) return fail(id.error());
  if (*id != kStoreApplicationId) {
    return fail(ErrorKind::invalid_input, name + " is not a Pennyweight store",
                "its application id is not Pennyweight's",
                "give the .db file that a run has written");
  }
  const Result<std::int64_t> version = db.integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version > kStoreVersion) {
    return fail(ErrorKind::unsupported,
                name + " was written by a newer Pennyweight, format " + std::to_string(*version),
                "this one reads up to format " + std::to_string(kStoreVersion),
                "use the Pennyweight that wrote it, or a newer one");
  }
  if (*version < kStoreVersion) {
    return fail(ErrorKind::unsupported, name + " is of format " + std::to_string(*version),
                "no Pennyweight writes formats below " + std::to_string(kStoreVersion),
                "give the .db file that a run has written");
  }
  return {};
}

}  // namespace pennyweight::store
