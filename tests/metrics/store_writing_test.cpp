// What a writer does to the file over its life: rows replaced, commits, checkpoints, a clean end.
#include "metrics/store.h"

#include "tests/metrics/store_samples.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::test;
using namespace std::chrono_literals;

TEST_CASE(
    "a record put when sent is replaced by its end, and attempts, phases and sittings stand "
    "beside") {
  const TempDir dir;
  auto store = begun_store(dir / "run.db");
  RequestRecord r = sample_record();
  r.failure = Failure::in_flight;
  store->put(r);
  REQUIRE(store->checkpoint());
  REQUIRE(records(*reader(dir / "run.db")).size() == 1);
  CHECK(records(*reader(dir / "run.db"))[0].failure == Failure::in_flight);
  r.failure = Failure::none;
  r.answer = "끝";
  store->put(r);
  for (int change = 0; change < 4; ++change) {
    RequestRecord other = r;
    if (change == 0) other.attempt = 3;
    if (change == 1) other.phase = Phase::warm_up;
    if (change == 2) other.sitting = 1;
    if (change == 3) other.role = Role::answer;
    store->put(other);
  }
  REQUIRE(store->close());
  const auto got = records(*reader(dir / "run.db"));
  REQUIRE(got.size() == 5);
  for (const RequestRecord& b : got) {
    CHECK(b.failure == Failure::none);
    CHECK(b.answer == "끝");
  }
}

TEST_CASE("one file holds several runs, each resumed by its id") {
  const TempDir dir;
  {
    auto store = begun_store(dir / "run.db");
    store->put(sample_record());
    REQUIRE(store->set_status(RunStatus::interrupted));
    REQUIRE(store->close());
  }
  {
    auto store = StoreWriter::open(dir / "run.db", OpenMode::resume);
    REQUIRE(store);
    RunInfo again = sample_run();
    again.name = "renamed";  // facts of the first sitting stay
    REQUIRE((*store)->begin_run(again, {sample_cell()}, {}));
    REQUIRE((*store)->begin_sitting({1, {{Instant(0s), UnixTime(9000s)}}}));
    (*store)->put(sample_record("task-2"));
    RunInfo other = sample_run("run-0");
    other.started -= 1h;
    REQUIRE((*store)->begin_run(other, {sample_cell(), sample_cell("cell-2")}, {}));
    REQUIRE((*store)->set_status(RunStatus::complete));
    REQUIRE((*store)->close());
  }
  auto store = reader(dir / "run.db");
  const auto runs = store->runs();
  REQUIRE(runs);
  REQUIRE(runs->size() == 2);
  CHECK((*runs)[0].run_id == "run-0");  // oldest first
  CHECK((*runs)[0].status == RunStatus::complete);
  CHECK((*runs)[1].name == sample_run().name);
  CHECK((*runs)[1].status == RunStatus::running);
  CHECK(store->cells("run-1")->size() == 1);
  CHECK(store->cells("run-0")->size() == 2);
  CHECK(store->sittings("run-1")->size() == 2);
  CHECK(records(*store).size() == 2);
}

TEST_CASE("a clean end leaves one file with Pennyweight's marks") {
  const TempDir dir;
  auto store = begun_store(dir / "run.db");
  store->put(sample_record());
  REQUIRE(store->close());
  CHECK(store->close());  // again is nothing
  CHECK(!store->set_status(RunStatus::complete));
  int files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(dir.path())) ++files;
  CHECK(files == 1);
  CHECK(sql(dir / "run.db", "PRAGMA application_id") == std::to_string(0x50775774));
  CHECK(sql(dir / "run.db", "PRAGMA user_version") == "1");
  CHECK(sql(dir / "run.db", "PRAGMA integrity_check") == "ok");
  CHECK(sql(dir / "run.db",
            "SELECT count(*) FROM pragma_table_list WHERE strict AND name NOT LIKE "
            "'sqlite%'") == "10");
  CHECK(sql(dir / "run.db", "SELECT hex(answer) FROM request").substr(0, 18) ==
        "EB8BB5EC9D80203432");
}

TEST_CASE("a checkpoint empties the log, and a reader beside the writer sees what is committed") {
  const TempDir dir;
  auto store = begun_store(dir / "run.db");
  store->put(sample_record());
  REQUIRE(store->checkpoint());
  CHECK(std::filesystem::file_size(dir / "run.db-wal") == 0);
  auto beside = reader(dir / "run.db");
  CHECK(records(*beside).size() == 1);
  store->put(sample_record("task-2"));
  REQUIRE(store->set_status(RunStatus::complete));  // commits what was put before it
  CHECK(records(*beside).size() == 2);
  CHECK(store->close());
  CHECK(records(*reader(dir / "run.db")).size() == 2);
}

TEST_CASE("a queued record is in the file without any further call") {
  const TempDir dir;
  auto store = begun_store(dir / "run.db");
  store->put(sample_record());
  auto beside = reader(dir / "run.db");
  std::size_t seen = 0;
  const auto start = std::chrono::steady_clock::now();
  while (seen == 0 && std::chrono::steady_clock::now() - start < 10s) {
    seen = records(*beside).size();
  }
  CHECK(seen == 1);
}

TEST_CASE("ten thousand records go in and come out quickly") {
  const TempDir dir;
  const auto start = std::chrono::steady_clock::now();
  {
    auto store = begun_store(dir / "run.db");
    RequestRecord r = sample_record();
    r.answer = std::string(500, 'x');
    for (int i = 0; i < 10'000; ++i) {
      r.task_id = std::to_string(i);
      r.scheduled = Instant(Duration(i));
      store->put(r);
    }
    REQUIRE(store->close());
  }
  auto store = reader(dir / "run.db");
  int next = 0;
  bool in_order = true;
  REQUIRE(store->for_each_record("run-1", "cell-1", [&](const RequestRecord& r) {
    in_order = in_order && r.task_id == std::to_string(next++);
    return true;
  }));
  CHECK(next == 10'000);
  CHECK(in_order);
  CHECK(std::chrono::steady_clock::now() - start < 20s);
}

TEST_CASE("a price in two currencies is refused before anything is written") {
  const TempDir dir;
  auto store = new_store(dir / "run.db");
  PriceRow price;
  price.provider = "a";
  price.model = "b";
  price.input_per_1m = Money{1, kUsd};
  price.output_per_1m = Money{1, kKrw};
  const Result<void> begun = store->begin_run(sample_run(), {}, {price});
  REQUIRE(!begun);
  CHECK(begun.error().what == "the price of \"a/b\" is in two currencies");
  CHECK(!store->error());
  CHECK(reader(dir / "run.db")->runs()->empty());
}
