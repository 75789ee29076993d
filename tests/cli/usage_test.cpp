#include <filesystem>
#include <string>
#include <vector>

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

TEST_CASE("a wrong command line is told in our words: what, why and the fix") {
  struct Case {
    std::vector<std::string> words;
    std::string what, why;
  };
  const std::vector<Case> cases{
      {{"-V"}, "unknown option \"-V\"", "did you mean --version?"},
      {{"help"}, "unknown command \"help\"", "did you mean --help?"},
      {{"doctor", "x"}, "unexpected \"x\"", "no place for another word"},
      {{"model"}, "pennyweight model wants a command", "there are info, list, synth"},
      {{"report"}, "RUN.db is missing", "pennyweight report RUN.db"},
      {{"model", "synth", "tiny"}, "--output is missing", "--output VALUE"},
      {{"run", "--limit"}, "--limit has no value", "--limit VALUE"},
      {{"run", "--limit", "5", "--limit", "6"}, "--limit is given more than once", "one value"},
      {{"run", "--limit", "abc"}, "bad value of --limit", "\"abc\" is not a whole number from 1"},
      {{"run", "--limit", "0"}, "bad value of --limit", "\"0\" is not a whole number from 1"},
      {{"run", "--warmup", "-1"}, "bad value of --warmup", "\"-1\" is not a whole number from 0"},
      {{"run", "--seed", "-1"}, "bad value of --seed", "\"-1\" is not a whole number from 0"},
      {{"run", "--concurrency", "0"}, "bad value of --concurrency", "from 1 to 10000"},
      {{"run", "--max-error-rate", "3"}, "bad value of --max-error-rate", "from 0 to 1"},
      {{"run", "--temperature", "hot"}, "bad value of --temperature", "\"hot\" is not a number"},
      {{"run", "--resume=abc"}, "--resume takes no value", "write --resume alone"},
      {{"run", "-o", ""}, "bad value of --output", "it is empty"},
      {{"serve", "m.gguf", "--port", "99999"}, "bad value of --port", "from 0 to 65535"},
      {{"serve", "m.gguf", "--ctx", "x"}, "bad value of --ctx", "\"x\" is not a whole number"},
      {{"prices", "list", "--date", "2024-02-30"}, "bad value of --date", "2024-06-17"},
      {{"prices", "list", "--date", "yesterday"}, "bad value of --date", "2024-06-17"}};
  for (const Case& wrong : cases) {
    const auto result = run_program(wrong.words);
    INFO(result.err);
    CHECK(result.status == 2);
    CHECK(has(result.err, "error: " + wrong.what));
    CHECK(has(result.err, wrong.why));
    CHECK(has(result.err, "  why: "));
    CHECK(has(result.err, "  fix: "));
    CHECK(result.err.size() < 400);
    CHECK(result.out.empty());
  }
}

TEST_CASE("a misspelt name is usage, a file that is not there is preflight") {
  const std::string target = "sim:ttft=1ms,tpot=1ms";
  CHECK(run_program({"run", "--task-set", "table_arth", "--target", target}).status == 2);
  CHECK(run_program({"run", "--task-set", "table_arith", "--target", "opnai:x"}).status == 2);
  CHECK(run_program({"tasks", "show", "table_arith:quik"}).status == 2);
  CHECK(run_program({"run", "--task-set", "nofile.jsonl", "--target", target}).status == 3);
  CHECK(run_program({"run", "nofile.toml"}).status == 3);
  CHECK(run_program({"report", "nofile.db"}).status == 3);
}

TEST_CASE("a model without a type says which one it has") {
  const TempDir dir;
  const auto result = run_program({"model", "synth", "tiny", "-o", (dir / "m.gguf").string()});
  CHECK(result.status == 0);
  CHECK(has(result.err, "(the default"));
  CHECK(has(run_program({"model", "synth", "--help"}).out, "f16 where no type is given"));
}

TEST_CASE("quantize makes a smaller file, and overwrites none") {
  const TempDir dir;
  const std::string from = (dir / "from.gguf").string(), to = (dir / "to.gguf").string();
  REQUIRE(run_program({"model", "synth", "tiny:f32", "-o", from}).status == 0);
  const auto made = run_program({"model", "quantize", from, to, "q4_k_m"});
  CHECK(made.status == 0);
  CHECK(has(made.err, "note: wrote " + to + ": Q4_K_M, "));
  CHECK(made.err.find('\r') == std::string::npos);  // no bar where there is no terminal
  CHECK(std::filesystem::file_size(to) * 4 < std::filesystem::file_size(from));
  const std::string before = read_file(to);

  const auto again = run_program({"model", "quantize", from, to, "Q8_0"});
  CHECK(again.status == 2);
  CHECK(has(again.err, "exists already"));
  const auto itself =
      run_program({"model", "quantize", from, (dir / "./from.gguf").string(), "F16"});
  CHECK(itself.status == 2);
  CHECK(has(itself.err, "is the model to read itself"));
  const auto unknown = run_program({"model", "quantize", from, (dir / "x").string(), "Q4_K_XL"});
  CHECK(unknown.status == 2);
  CHECK(has(unknown.err, "use one of Q2_K, Q3_K_S"));
  CHECK(run_program({"model", "quantize", (dir / "no").string(), (dir / "x").string(), "Q8_0"})
            .status == 3);
  CHECK(run_program({"model", "quantize", from, "/nowhere/at/all.gguf", "Q8_0"}).status == 3);
  const auto small_disk = run_program({"model", "quantize", from, "/dev/full", "Q8_0"});
  CHECK(small_disk.status == 2);
  const auto twice = run_program({"model", "quantize", to, (dir / "x").string(), "Q8_0"});
  CHECK(twice.status == 0);
  CHECK(has(twice.err, "rounded twice"));
  CHECK(read_file(to) == before);
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
  CHECK(run_program({"prices", "list", "no-such-model"}).status == 2);
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
  CHECK(again.status == 2);
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

TEST_CASE("model generate answers in a schema or grammar, and shows the likeliest tokens") {
  const TempDir dir;
  ProcessOptions options;
  options.directory = dir.path();
  REQUIRE(run_program({"model", "synth", "tiny:q8_0", "-o", "m.gguf"}, options).status == 0);
  write_file(dir / "s.json",
             R"({"type":"array","items":{"enum":["a",7]},"minItems":2,"maxItems":2})");
  write_file(dir / "g.gbnf", "root ::= [x-z]{3}");
  const std::vector<std::string> ask{"model", "generate", "m.gguf", "--prompt", "Hi"};
  const auto generate = [&](std::vector<std::string> more) {
    more.insert(more.begin(), ask.begin(), ask.end());
    return run_program(more, options);
  };
  const auto list = generate({"--json-schema", "s.json", "--temperature", "1", "--repeat-penalty",
                              "1.1", "--min-p", "0.01", "-n", "200"});
  INFO(list.out << list.err);
  CHECK(list.status == 0);
  CHECK(list.out.front() == '[');
  CHECK(has(list.out, "]\n"));
  const auto letters = generate({"--grammar", "g.gbnf", "--json", "--top-logprobs", "2"});
  INFO(letters.out << letters.err);
  CHECK(letters.status == 0);
  CHECK(has(letters.out, "\"finish\":\"stop\""));
  CHECK(has(letters.out, "\"top_logprobs\":[[{"));
  const auto both = generate({"--grammar", "g.gbnf", "--json-object"});
  CHECK(both.status == 2);
  CHECK(has(both.err, "exclude each other"));
  write_file(dir / "s.json", R"({"not":{}})");
  const auto refused = generate({"--json-schema", "s.json"});
  CHECK(refused.status != 0);
  CHECK(has(refused.err, "\"not\" is not supported"));
}
