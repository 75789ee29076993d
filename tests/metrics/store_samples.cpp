#include "tests/metrics/store_samples.h"

#include <sqlite3.h>

#include "tests/test.h"

namespace pennyweight::test {

using namespace std::chrono_literals;

RunInfo sample_run(std::string run_id) {
  RunInfo run;
  run.run_id = std::move(run_id);
  run.name = "송장";
  run.program_version = "0.1.0";
  run.program_commit = "abcdef012345";
  run.build_type = "Release";
  run.plan_toml = "[run]\nname = \"송장\"\n";
  run.command_line = "pennyweight run";
  run.seed = 0xffffffffffffffffULL;
  run.started = UnixTime(std::chrono::seconds(1'718'582'400));
  run.machine.cpu_model = "EPYC";
  run.machine.cores_allowed = 2;
  run.machine.memory_bytes = 1ULL << 40;
  run.energy_notes.set("rapl:0", "permission denied");
  return run;
}

CellInfo sample_cell(std::string cell_id) {
  CellInfo cell;
  cell.cell_id = std::move(cell_id);
  cell.target = "phi3-local";
  cell.target_kind = "local";
  cell.task_set = "table_arith";
  cell.task_set_sha256 = "aa";
  cell.load_point = "c4";
  cell.concurrency = 4;
  cell.planned_requests = 300;
  cell.resolved.set("seed", 7);
  cell.resolved.set("generate", Value(Value::Map{{"temperature", Value(0.5)}}));
  cell.target_facts.set("kernels", "avx512_vnni");
  return cell;
}

RequestRecord sample_record(std::string task_id, int repeat) {
  auto at = [](std::int64_t ns) { return Instant(Duration(ns)); };
  RequestRecord r;
  r.run_id = "run-1";
  r.cell_id = "cell-1";
  r.task_id = std::move(task_id);
  r.repeat = repeat;
  r.attempt = 2;
  r.block = 3;
  r.order_in_block = 1;
  r.role = Role::judge;
  r.scheduled = at(1);
  r.issued = at(2);
  r.sent = at(1'000'000'007);
  r.first_token = at(1'100'000'000);
  r.last_token = at(9'000'000'000'000'000'000);
  r.done = at(9'000'000'000'000'000'001);
  r.connected = at(5);
  r.tls_done = at(6);
  r.header = at(7);
  r.connection_reused = false;
  r.chunks = {{at(1'100'000'000), ChunkKind::content, 3, 1},
              {at(9'000'000'000'000'000'000), ChunkKind::reasoning, 0, 2}};
  r.usage = {100, 0, 7, std::nullopt, TokenSource::server_usage};
  r.finish = Finish::length;
  r.http_status = 200;
  r.error_message = "여전히 유효";
  r.answer = std::string("답은 42\0\xff\xfe\x80", 14) + std::string(1, '\0');
  r.reasoning = std::string(3, '\0');
  r.model_served = "gpt-4o-2024-08-06";
  r.provider_request_id = "req_1";
  r.prompt_sha256 = "bb";
  r.input_bytes = 5'000'000'000;
  return r;
}

std::unique_ptr<StoreWriter> new_store(const std::filesystem::path& path) {
  auto store = StoreWriter::open(path, OpenMode::create_new);
  REQUIRE(store);
  return std::move(*store);
}

std::unique_ptr<StoreWriter> begun_store(const std::filesystem::path& path) {
  auto store = new_store(path);
  REQUIRE(store->begin_run(sample_run(), {sample_cell()}, {}));
  REQUIRE(store->begin_sitting({0, {{Instant(0s), UnixTime(1000s)}}}));
  return store;
}

std::unique_ptr<StoreReader> reader(const std::filesystem::path& path) {
  auto store = StoreReader::open(path);
  REQUIRE(store);
  return std::move(*store);
}

std::vector<RequestRecord> records(StoreReader& store, const std::string& cell) {
  std::vector<RequestRecord> out;
  REQUIRE(store.for_each_record("run-1", cell, [&](const RequestRecord& r) {
    out.push_back(r);
    return true;
  }));
  return out;
}

std::string sql(const std::filesystem::path& path, const std::string& statement) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  std::string first;
  const int code = sqlite3_exec(
      db, statement.c_str(),
      [](void* out, int, char** values, char**) {
        if (values[0] != nullptr) *static_cast<std::string*>(out) += values[0];
        return 0;
      },
      &first, nullptr);
  INFO(statement << ": " << sqlite3_errmsg(db));
  CHECK(code == SQLITE_OK);
  sqlite3_close(db);
  return first;
}

}  // namespace pennyweight::test
