// The little of SQLite that the store needs, with errors as values. Private to store_*.cpp.
//
// A Database and its Statements are used by one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "metrics/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace pennyweight::sqlite {

class Statement {
 public:
  Statement() = default;
  explicit operator bool() const { return handle_ != nullptr; }

  // Fill the parameters from left to right; bytes are copied.
  void bind(std::int64_t value);
  void bind(double value);
  void bind_text(std::string_view text);
  void bind_blob(std::string_view bytes);
  void bind_null();

  // True: there is a row.
  Result<bool> step();
  // Runs to the end and is ready for the next binding.
  Result<void> execute();

  // Take the columns of the row from left to right.
  bool next_is_null() const;
  std::int64_t take_integer();
  double take_real();
  std::string take_bytes();  // text or blob, zeros included
  void skip() { ++column_; }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* s) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  std::filesystem::path path_;  // for messages
  int parameter_ = 0, column_ = 0;
};

enum class Access : std::uint8_t { read_only, read_write };

class Database {
 public:
  // An existing file; making one is the caller's part.
  static Result<Database> open(const std::filesystem::path& path, Access access);

  Result<Statement> prepare(std::string_view sql);
  Result<void> run(const std::string& sql);              // statements without rows of interest
  Result<std::int64_t> integer(const std::string& sql);  // first column of the first row, or 0
  const std::filesystem::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
  std::filesystem::path path_;
};

}  // namespace pennyweight::sqlite
