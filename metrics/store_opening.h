// A store's file made or found, locked and ready to be written. Private to store_*.cpp.
#pragma once

#include <filesystem>

#include "metrics/sqlite.h"
#include "metrics/store.h"
#include "metrics/store_lock.h"

namespace pennyweight::store {

struct WritableStore {
  StoreLock lock;  // first, so that it outlives the database
  sqlite::Database db;
};
// As StoreWriter::open. What it began and could not end it takes away.
Result<WritableStore> open_writable(const std::filesystem::path& path, OpenMode mode);

}  // namespace pennyweight::store
