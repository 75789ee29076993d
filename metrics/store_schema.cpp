#include "metrics/store_schema.h"

namespace pennyweight::store {
namespace {

template <class Row>
std::string table_sql() {
  return "CREATE TABLE " + std::string(Table<Row>::name) + " (" + column_names<Row>().ddl +
         ", PRIMARY KEY (" + std::string(Table<Row>::key) + ")) STRICT;\n";
}

}  // namespace

std::string schema_sql() {
  std::string sql;
  std::apply([&](const auto&... row) { ((sql += table_sql<std::decay_t<decltype(row)>>()), ...); },
             Rows{});
  return sql;
}

Result<void> check_format(sqlite::Database& db) {
  const std::string name = "\"" + db.path().string() + "\"";
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
