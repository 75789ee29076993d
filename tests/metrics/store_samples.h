// Rows with a value in every field, and short ways to a store, for its tests.
#pragma once

#include <memory>

#include "metrics/store.h"
#include "tests/support/temp_dir.h"

namespace pennyweight::test {

RunInfo sample_run(std::string run_id = "run-1");
CellInfo sample_cell(std::string cell_id = "cell-1");
RequestRecord sample_record(std::string task_id = "task-1", int repeat = 0);

// These fail the test when they cannot.
std::unique_ptr<StoreWriter> new_store(const std::filesystem::path& path);
// With one run of one cell that has begun its first sitting.
std::unique_ptr<StoreWriter> begun_store(const std::filesystem::path& path);
std::unique_ptr<StoreReader> reader(const std::filesystem::path& path);
std::vector<RequestRecord> records(StoreReader& store, const std::string& cell = "cell-1");
// SQLite itself, for what our own classes cannot say: the first column of all rows.
std::string sql(const std::filesystem::path& path, const std::string& statement);

}  // namespace pennyweight::test
