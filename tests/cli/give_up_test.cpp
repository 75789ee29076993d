// A server that goes away in the middle of a run, through the real program.
#include <map>
#include <string>
#include <vector>

#include "metrics/store.h"
#include "tests/support/process.h"
#include "tests/support/script_server.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Script answer() {
  return Script::reply(
      200, "text/event-stream",
      "data: {\"choices\":[{\"delta\":{\"content\":\"42\"},\"finish_reason\":\"stop\"}]}"
      "\n\ndata: [DONE]\n\n");
}

// The preflight's reply, then `answers`, then what follows.
std::vector<Script> scripts(int answers, int refusals, const Script& then) {
  std::vector<Script> out{Script::reply(404, "application/json", "{}")};
  for (int i = 0; i < answers; ++i) out.push_back(answer());
  for (int i = 0; i < refusals; ++i) {
    out.push_back(
        Script::reply(401, "application/json", R"({"error":{"message":"the key was revoked"}})"));
  }
  out.push_back(then);
  return out;
}

// Measured attempts of each target, by how they ended.
std::map<std::string, std::map<Failure, int>> endings(const std::filesystem::path& path) {
  auto reader = StoreReader::open(path);
  REQUIRE(reader);
  auto runs = (*reader)->runs();
  REQUIRE(runs);
  auto cells = (*reader)->cells(runs->at(0).run_id);
  REQUIRE(cells);
  std::map<std::string, std::map<Failure, int>> out;
  for (const CellInfo& cell : *cells) {
    REQUIRE((*reader)->for_each_record(runs->at(0).run_id, cell.cell_id, [&](const auto& r) {
      ++out[cell.target][r.failure];
      return true;
    }));
  }
  return out;
}

std::vector<std::string> arguments(const ScriptServer& server, const std::string& concurrency) {
  return {"run",
          "--task-set",
          "table_arith:quick",
          "--target",
          server.url("/v1#m") + ",name=far",
          "--target",
          "sim:ttft=1ms,tpot=1ms,tokens=2,name=near",
          "--concurrency",
          concurrency,
          "--warmup",
          "0",
          "--limit",
          "20",
          "-o",
          "run.db"};
}

}  // namespace

TEST_CASE("a server that dies in the middle is given up with status 5, the other target goes on") {
  const TempDir dir;
  ProcessOptions options;
  options.directory = dir.path();
  const ScriptServer server(scripts(8, 0, Script().close()));
  const auto result = run_program(arguments(server, "5"), options);
  INFO(result.err);
  CHECK(result.status == 5);
  CHECK(
      has(result.err, "target \"far\" was given up: the last 5 of its requests did not reach it"));
  CHECK(has(result.err, "--resume"));
  auto ended = endings(dir / "run.db");
  CHECK(ended["near"][Failure::none] == 20);
  CHECK(ended["far"][Failure::none] == 8);
  CHECK(ended["far"][Failure::truncated] >= 5 * 3);
  CHECK(ended["far"][Failure::truncated] <= 9 * 3);  // those in flight end as they may
}

TEST_CASE("a key revoked in the middle ends in status 4, and resume asks what was not sent") {
  const TempDir dir;
  ProcessOptions options;
  options.directory = dir.path();
  std::vector<Script> all = scripts(8, 5, Script::reply(404, "application/json", "{}"));
  all.push_back(answer());
  const ScriptServer server(std::move(all));
  auto asked = arguments(server, "1");
  const auto result = run_program(asked, options);
  INFO(result.err);
  CHECK(result.status == 4);
  CHECK(has(result.err, "the last 5 of its requests were refused for their key"));
  CHECK(has(result.err, "the key was revoked"));
  CHECK(has(result.err, "it asks the 7 requests that were not sent"));
  CHECK(server.requests().size() == 1 + 8 + 5);
  auto ended = endings(dir / "run.db");
  CHECK(ended["far"][Failure::authentication] == 5);
  CHECK(ended["near"][Failure::none] == 20);

  asked.emplace_back("--resume");
  const auto resumed = run_program(asked, options);
  INFO(resumed.err);
  CHECK(resumed.status == 0);
  CHECK(server.requests().size() == 1 + 8 + 5 + 1 + 12);
  CHECK(endings(dir / "run.db")["far"][Failure::none] == 20);
}
