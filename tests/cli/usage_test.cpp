#include <string>

#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the bare program prints three ways to begin, the last being the demo") {
  const auto result = run_program({});
  CHECK(result.status == 0);
  CHECK(has(result.out, "pennyweight run"));
  CHECK(has(result.out, "pennyweight demo\n"));
  CHECK(result.err.empty());
}

TEST_CASE("version says commit, compiler and build type") {
  const auto result = run_program({"--version"});
  CHECK(result.status == 0);
  CHECK(result.out.rfind("pennyweight ", 0) == 0);
}

TEST_CASE("a misspelt flag gets a suggestion and exit status 2") {
  const auto result = run_program({"run", "--taskset", "x"});
  CHECK(result.status == 2);
  CHECK(has(result.err, "error: unknown option \"--taskset\""));
  CHECK(has(result.err, "did you mean --task-set?"));
  CHECK(result.out.empty());
}

TEST_CASE("a misspelt command gets a suggestion and exit status 2") {
  const auto result = run_program({"reprot", "x.db"});
  CHECK(result.status == 2);
  CHECK(has(result.err, "did you mean report?"));
}

TEST_CASE("a number out of range is a usage error") {
  const auto result = run_program({"run", "--task-set", "table_arith", "--concurrency", "0"});
  CHECK(result.status == 2);
  CHECK(has(result.err, "error:"));
}

TEST_CASE("every command explains itself") {
  for (const char* command :
       {"run", "init", "report", "serve", "demo", "doctor", "model", "tasks", "prices"}) {
    const auto result = run_program({command, "--help"});
    INFO(command);
    CHECK(result.status == 0);
    CHECK(has(result.out, "Usage"));
  }
}

TEST_CASE("tasks list and show need no file") {
  const auto list = run_program({"tasks", "list"});
  CHECK(list.status == 0);
  CHECK(has(list.out, "table_arith"));
  CHECK(has(list.out, "ko_number"));
  const auto show = run_program({"tasks", "show", "ko_number", "-n", "1"});
  CHECK(show.status == 0);
  CHECK(has(show.out, "[target]"));
  const auto misspelt = run_program({"tasks", "show", "ko_numbr"});
  CHECK(misspelt.status != 0);
  CHECK(has(misspelt.err, "ko_number"));
}

TEST_CASE("prices list filters by key and by date") {
  const auto dated = run_program({"prices", "list", "openai/gpt-4o", "--date", "2024-06-17"});
  CHECK(dated.status == 0);
  CHECK(has(dated.out, "2024-05-13"));
  CHECK_FALSE(has(dated.out, "2024-10-01"));
  CHECK(run_program({"prices", "list", "no-such-model"}).status == 3);
}

TEST_CASE("init writes a plan that run can print back, and never overwrites") {
  const TempDir dir;
  ProcessOptions options;
  options.directory = dir.path();
  CHECK(run_program({"init"}, options).status == 0);
  const std::string plan = read_file(dir / "PLAN.toml");
  CHECK(has(plan, "[[target]]"));
  const auto printed = run_program({"run", "PLAN.toml", "--print-plan"}, options);
  INFO(printed.err);
  CHECK(printed.status == 0);
  write_file(dir / "again.toml", printed.out);
  CHECK(run_program({"run", "again.toml", "--print-plan"}, options).out == printed.out);
  const auto again = run_program({"init"}, options);
  CHECK(again.status == 3);
  CHECK(read_file(dir / "PLAN.toml") == plan);
}

TEST_CASE("doctor reports each check with its state") {
  const TempDir dir;
  ProcessOptions options;
  options.directory = dir.path();
  const auto result = run_program({"doctor"}, options);
  CHECK(result.status == 0);
  for (const char* check :
       {"build", "cpu", "kernels", "memory", "energy", "keys", "prices", "directory"}) {
    INFO(check);
    CHECK(has(result.out, check));
  }
  const auto json = run_program({"doctor", "--json"}, options);
  CHECK(json.out.rfind("[", 0) == 0);
}

TEST_CASE("a full disk behind standard output is an error, not a result") {
  const TempDir dir;
  Process process({"prices", "list"}, {}, "/dev/full");
  const auto result = process.wait();
  CHECK(result.status == 3);
  CHECK(has(result.err, "cannot write to standard output"));
}

TEST_CASE("synth never overwrites a model") {
  const TempDir dir;
  write_file(dir / "m.gguf", "precious");
  const auto result = run_program({"model", "synth", "tiny:q4_0", "-o", (dir / "m.gguf").string()});
  CHECK(result.status == 2);
  CHECK(read_file(dir / "m.gguf") == "precious");
}
