// The main job through the real program, on simulated targets: exact times, no model, no network.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include "metrics/store.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Bench {
  TempDir dir;
  ProcessOptions options;
  Bench() { options.directory = dir.path(); }
  Finished run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "run");
    return run_program(arguments, options);
  }
  std::string file(std::string_view name) const { return read_file(dir / name); }
  bool exists(std::string_view name) const { return std::filesystem::exists(dir / name); }
};

constexpr const char* kFast = "sim:ttft=2ms,tpot=1ms,tokens=4,name=fast";
constexpr const char* kSlow = "sim:ttft=6ms,tpot=2ms,tokens=4,name=slow";

struct Stored {
  RunInfo run;
  int records = 0, in_flight = 0;
};

Stored read_store(const std::filesystem::path& path) {
  auto reader = StoreReader::open(path);
  REQUIRE(reader);
  auto runs = (*reader)->runs();
  REQUIRE(runs);
  REQUIRE(runs->size() == 1);
  Stored stored;
  stored.run = runs->front();
  auto cells = (*reader)->cells(stored.run.run_id);
  REQUIRE(cells);
  for (const CellInfo& cell : *cells) {
    REQUIRE(
        (*reader)->for_each_record(stored.run.run_id, cell.cell_id, [&](const RequestRecord& r) {
          ++stored.records;
          if (r.failure == Failure::in_flight) ++stored.in_flight;
          return true;
        }));
  }
  return stored;
}

}  // namespace

TEST_CASE("a run stores, prints a table and writes every report") {
  const Bench bench;
  const auto result =
      bench.run({"--task-set", "table_arith:quick", "--target", kFast, "--target", kSlow, "--limit",
                 "5", "-o", "run.db", "--report", "out.csv", "--report", "out.md", "--report",
                 "out.json", "--report", "out.xlsx"});
  INFO(result.err);
  REQUIRE(result.status == 0);
  CHECK(has(result.out, "fast"));
  CHECK(has(result.out, "slow"));
  CHECK(has(bench.file("out.csv"), "ttft_ms_p50"));
  CHECK(has(bench.file("out.md"), "slow"));
  CHECK(bench.file("out.xlsx").rfind("PK", 0) == 0);
  CHECK(read_store(bench.dir / "run.db").run.status == RunStatus::complete);
  CHECK_FALSE(bench.exists("run.db-wal"));

  SECTION("and report rebuilds the same bytes later") {
    const auto again = run_program({"report", "run.db", "-o", "again.csv"}, bench.options);
    INFO(again.err);
    CHECK(again.status == 0);
    CHECK(bench.file("again.csv") == bench.file("out.csv"));
  }
  SECTION("and a table can be chosen where one table is all there is") {
    const auto report = [&](std::vector<std::string> words) {
      words.insert(words.begin(), {"report", "run.db", "--table", "requests"});
      return run_program(words, bench.options);
    };
    CHECK(report({"--format", "tsv"}).status == 0);
    for (const char* format : {"md", "json", "terminal"}) {
      const auto refused = report({"--format", format});
      CHECK(refused.status == 2);
      CHECK(has(refused.err, "--table requests has no meaning"));
    }
    CHECK(report({}).status == 2);
    CHECK(report({"-o", "a.csv", "-o", "a.xlsx"}).status == 2);
    CHECK_FALSE(bench.exists("a.csv"));
  }
  SECTION("and a directory in place of a file is named as one") {
    std::filesystem::create_directory(bench.dir / "d");
    const auto read = run_program({"report", "d"}, bench.options);
    const auto written = run_program({"report", "run.db", "-o", "d"}, bench.options);
    const auto measured = bench.run(
        {"--task-set", "table_arith:quick", "--target", kFast, "-o", "x.db", "--report", "d"});
    const auto stored =
        bench.run({"--task-set", "table_arith:quick", "--target", kFast, "-o", "d"});
    for (const auto* refused : {&read, &written, &measured, &stored}) {
      CHECK(refused->status == 3);
      CHECK(has(refused->err, "\"d\" is a directory"));
      CHECK(has(refused->err, "name a file, as in d/"));
    }
    CHECK_FALSE(bench.exists("x.db"));
  }
  SECTION("and an existing database is refused, not overwritten") {
    const auto second =
        bench.run({"--task-set", "table_arith:quick", "--target", kFast, "-o", "run.db"});
    CHECK(second.status == 2);
    CHECK(has(second.err, "--resume"));
  }
}

TEST_CASE("dry-run prints the grid and an upper bound, and leaves nothing") {
  const Bench bench;
  const auto result =
      bench.run({"--task-set", "table_arith:quick", "--target", "sim:name=a,price=openai/gpt-4o",
                 "--repeat", "2", "--dry-run", "-o", "run.db"});
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(has(result.out, "at most"));
  CHECK(has(result.out, " requests, "));
  CHECK(has(result.out, "USD"));
  CHECK(has(result.out, "Nothing was sent."));
  CHECK_FALSE(has(result.out, "no price given"));
  CHECK_FALSE(bench.exists("run.db"));
}

TEST_CASE("dry-run says why a cost has no bound") {
  const Bench bench;
  const auto result = bench.run({"--task-set", "table_arith:quick", "--target", "sim:name=a",
                                 "--target", "sim:name=b,machine_usd_per_hour=0.4", "--dry-run"});
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK(has(result.out, "-  a: no price given; add to the target price="));
  CHECK(has(result.out, "-  b: "));
  CHECK(has(result.out, "how long the run takes"));
}

TEST_CASE(
    "an output that is named twice, unknown or unwritable is found before the first request") {
  const Bench bench;
  const std::vector<std::string> base{"--task-set", "table_arith:quick", "--target", kFast, "-o",
                                      "run.db"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return bench.run(more);
  };
  const auto twice = with({"--report", "a.csv", "--report", "./a.csv"});
  CHECK(twice.status == 2);
  CHECK(has(twice.err, "named twice"));
  CHECK(with({"--report", "run.db"}).status == 2);
  const auto unknown = with({"--report", "a.docx"});
  CHECK(unknown.status == 2);
  const auto unwritable = with({"--report", "no/such/dir/a.csv"});
  CHECK(unwritable.status == 3);
  CHECK_FALSE(bench.exists("run.db"));
}

TEST_CASE("bad plans and task sets name file, line and what was meant") {
  const Bench bench;
  write_file(bench.dir / "plan.toml", "[run]\nrepeet = 3\n");
  const auto plan = bench.run({"plan.toml"});
  CHECK(plan.status == 2);
  CHECK(has(plan.err, "plan.toml"));
  CHECK(has(plan.err, "repeat"));
  write_file(bench.dir / "tasks.jsonl",
             "{\"id\":\"a\",\"vars\":{\"input\":\"x\"},\"target\":\"1\"}\n"
             "{\"id\":\"a\",\"vars\":{\"input\":\"y\"},\"target\":\"2\"}\n");
  const auto tasks =
      bench.run({"--task-set", "tasks.jsonl", "--target", kFast, "--max-tokens", "4"});
  CHECK(tasks.status == 2);
  CHECK(has(tasks.err, "tasks.jsonl:2"));
  const auto model =
      bench.run({"--task-set", "table_arith:quick", "--target", "local:missing.gguf"});
  CHECK(model.status == 3);
  CHECK(has(model.err, "missing.gguf"));
}

TEST_CASE("too many failures end in status 5, with every failure a row") {
  const Bench bench;
  const auto result =
      bench.run({"--task-set", "table_arith:quick", "--target",
                 "sim:ttft=1ms,tpot=1ms,tokens=2,fail=1,failure=bad_request,name=bad", "--limit",
                 "4", "-o", "run.db"});
  CHECK(result.status == 5);
  CHECK(has(result.err, "note: bad: 4 of 4 measured requests failed, all bad request"));
  CHECK(has(result.err, "error: 4 of 4 measured requests failed"));
  CHECK(read_store(bench.dir / "run.db").records >= 4);
}

TEST_CASE("a budget stops the run before it is passed, with status 7") {
  const Bench bench;
  const auto result = bench.run({"--task-set", "table_arith:quick", "--target",
                                 "sim:ttft=1ms,tpot=1ms,tokens=4,name=dear,price=openai/gpt-4",
                                 "--max-cost", "0.05", "--repeat", "100", "-o", "run.db"});
  INFO(result.err);
  CHECK(result.status == 7);
  CHECK(read_store(bench.dir / "run.db").run.status == RunStatus::budget_reached);
}

TEST_CASE("Ctrl-C saves and reports what there is with status 130, and resume finishes the run") {
  const Bench bench;
  std::vector<std::string> arguments{"run",
                                     "--task-set",
                                     "table_arith:quick",
                                     "--target",
                                     "sim:ttft=20ms,tpot=2ms,tokens=4,name=a",
                                     "-o",
                                     "run.db"};
  Process process(arguments, bench.options);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  process.signal(SIGINT);
  const auto stopped = process.wait(20);
  INFO(stopped.err);
  CHECK(stopped.status == 130);
  CHECK(has(stopped.out, "a"));
  const Stored stored = read_store(bench.dir / "run.db");
  CHECK(stored.run.status == RunStatus::interrupted);
  CHECK(stored.records < 27);
  arguments.emplace_back("--resume");
  const auto resumed = run_program(arguments, bench.options);
  INFO(resumed.err);
  CHECK(resumed.status == 0);
  CHECK(read_store(bench.dir / "run.db").run.status == RunStatus::complete);
}

TEST_CASE("a second Ctrl-C aborts at once and the store is still good") {
  const Bench bench;
  Process process({"run", "--task-set", "table_arith:quick", "--target",
                   "sim:ttft=9s,tpot=2ms,tokens=4,name=a", "-o", "run.db"},
                  bench.options);
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  process.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  process.signal(SIGINT);
  const auto stopped = process.wait(5);
  CHECK(stopped.status == 130);
  CHECK(read_store(bench.dir / "run.db").run.status == RunStatus::interrupted);
}

TEST_CASE("kill -9 loses at most the last 100 ms, and the run can be resumed") {
  const Bench bench;
  const std::vector<std::string> arguments{
      "run", "--task-set", "table_arith:full", "--target", "sim:ttft=3ms,tpot=1ms,tokens=3,name=a",
      "-o",  "run.db"};
  {
    Process process(arguments, bench.options);
    std::this_thread::sleep_for(std::chrono::milliseconds(900));
    process.signal(SIGKILL);
    CHECK(process.wait(5).status == 128 + SIGKILL);
  }
  const Stored stored = read_store(bench.dir / "run.db");
  CHECK(stored.run.status == RunStatus::running);
  CHECK(stored.records > 20);
  CHECK(stored.in_flight <= 25);
  auto more = arguments;
  more.emplace_back("--resume");
  CHECK(run_program(more, bench.options).status == 0);
}

TEST_CASE("a run that was killed before it began can be started again under the same name") {
  const Bench bench;
  write_file(bench.dir / "run.db", "");
  const std::vector<std::string> arguments{
      "--task-set", "table_arith:quick", "--target", kFast, "--limit", "2", "-o", "run.db"};
  auto resuming = arguments;
  resuming.emplace_back("--resume");
  const auto resumed = bench.run(resuming);
  CHECK(resumed.status != 0);
  CHECK(has(resumed.err, "without --resume"));
  const auto again = bench.run(arguments);
  INFO(again.err);
  CHECK(again.status == 0);
  CHECK(read_store(bench.dir / "run.db").run.status == RunStatus::complete);
}

TEST_CASE("a run cannot be resumed while it lives") {
  const Bench bench;
  const std::vector<std::string> arguments{
      "run", "--task-set", "table_arith:quick", "--target", "sim:ttft=9s,tpot=2ms,tokens=4,name=a",
      "-o",  "run.db"};
  Process process(arguments, bench.options);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  auto more = arguments;
  more.emplace_back("--resume");
  const auto second = run_program(more, bench.options);
  INFO(second.err);
  CHECK(second.status == 2);
  CHECK(has(second.err, "is being written by another run"));
  process.signal(SIGKILL);
  process.wait(5);
}

TEST_CASE("a key in the environment appears nowhere") {
  const Bench bench;
  ProcessOptions options = bench.options;
  const std::string canary = "sk-canary-0123456789abcdef";
  options.environment.emplace_back("OPENAI_API_KEY", canary);
  // Nothing listens on port 1: the error path with a key in hand.
  const auto result =
      run_program({"run", "--task-set", "table_arith:quick", "--target",
                   "openai:m,base_url=http://127.0.0.1:1/v1,api_key_env=OPENAI_API_KEY", "--limit",
                   "2", "-o", "run.db", "--report", "out.json"},
                  options);
  CHECK(result.status == 5);
  CHECK_FALSE(has(result.out + result.err, canary));
  for (const auto& entry : std::filesystem::directory_iterator(bench.dir.path())) {
    INFO(entry.path());
    CHECK_FALSE(has(read_file(entry.path()), canary));
  }
}

TEST_CASE("a newer database is refused by name") {
  const Bench bench;
  REQUIRE(bench
              .run({"--task-set", "table_arith:quick", "--target", kFast, "--limit", "1", "-o",
                    "run.db"})
              .status == 0);
  // user_version is the big-endian 32-bit number at offset 60 of an SQLite file.
  std::string bytes = bench.file("run.db");
  bytes[62] = 1;
  write_file(bench.dir / "run.db", bytes);
  const auto result = run_program({"report", "run.db"}, bench.options);
  CHECK(result.status == 2);
  CHECK(has(result.err, "newer"));
}

TEST_CASE("Korean names and tasks pass through every file") {
  const Bench bench;
  write_file(bench.dir / "한글.jsonl",
             "{\"id\":\"문제-1\",\"vars\":{\"input\":\"대한민국의 수도는?\"},\"target\":\"서울\"}\n"
             "{\"id\":\"문제-2\",\"vars\":{\"input\":\"삼 더하기 사는?\"},\"target\":\"칠\"}\n");
  const auto result =
      bench.run({"--task-set", "한글.jsonl", "--target",
                 "sim:ttft=1ms,tpot=1ms,tokens=2,answer=서울,name=작은모델", "--max-tokens", "8",
                 "-o", "run.db", "--report", "out.csv", "--report", "out.md", "--report",
                 "out.json", "--report", "out.xlsx"});
  INFO(result.err);
  REQUIRE(result.status == 0);
  CHECK(has(result.out, "작은모델"));
  for (const char* name : {"out.csv", "out.md", "out.json"}) {
    INFO(name);
    CHECK(has(bench.file(name), "작은모델"));
    CHECK(has(bench.file(name), "한글"));
  }
}
