// Prompts as plain text, and the continuations whose likelihood is asked for.
#include <string>

#include "datasets/task_set.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using test::TempDir;
using test::write_file;

std::string manifest(const std::string& prompt, const std::string& rest) {
  return R"({"format":1,"name":"t","rows":{"path":"rows.jsonl"},"prompt":{)" + prompt + "}," +
         rest + "}";
}

TEST_CASE("A text is the prompt as it stands, its choices continuations, its examples text") {
  const TempDir directory;
  write_file(directory / "rows.jsonl",
             R"({"id":"a","vars":{"q":"1+1?"},"choices":["2","3"],"target":"A"})");
  write_file(directory / "shots.jsonl", R"({"id":"s","vars":{"q":"1+2?"},"target":"3"})");
  write_file(directory / "taskset.json", R"({"format":1,"name":"sums","rows":{"path":"rows.jsonl"},
    "prompt":{"as":"text","user":"Q: {{ q }} A: ",
              "few_shot":{"rows":"shots.jsonl","k":1}},
    "score":{"default":{"name":"loglikelihood"},
             "extract":{"name":"final_line","markers":["A:"]}}})");
  const auto set = TaskSet::open(directory / "taskset.json");
  INFO((set ? "" : set.error().what));
  REQUIRE(set);
  CHECK(set->info().generate.max_tokens == 1);
  const auto task = set->task(0);
  REQUIRE(task);
  CHECK(task->is_text);
  CHECK(task->messages == std::vector<Message>{{"user", "Q: 1+2? A:  3\n\nQ: 1+1? A: "}});
  CHECK(task->continuations == std::vector<std::string>{" 2", " 3"});
  CHECK(task->scorer.parameters.find("extract") == nullptr);
}

TEST_CASE("A chat's choices follow its answer header with nothing between") {
  const auto set = TaskSet::parse(
      manifest(R"("system":"Be brief.","user":"{{ question }}")",
               R"("generate":{"max_tokens":12},"score":{"default":{"name":"loglikelihood"}})"),
      R"({"id":"a","vars":{"question":"1+1? "},"choices":["2","3"],"target":"2"})", "rows.jsonl");
  REQUIRE(set);
  const auto task = set->task(0);
  CHECK_FALSE(task->is_text);
  CHECK(task->messages.size() == 2);
  CHECK(task->continuations == std::vector<std::string>{"2", "3"});
  CHECK(set->info().generate.max_tokens == 12);
}

TEST_CASE("A text has no turns") {
  const std::string text = manifest(R"("as":"text","user":"x")", R"("generate":{"max_tokens":12})");
  const auto chat = TaskSet::parse(
      text, R"({"id":"a","messages":[{"role":"user","content":"x"}],"target":"2"})", "rows.jsonl");
  REQUIRE_FALSE(chat);
  CHECK(chat.error().what == "rows.jsonl:1:1: row \"a\": its \"messages\" are a conversation");
  const auto set = TaskSet::parse(text, R"({"id":"a","turns":["x "],"target":"2"})", "rows.jsonl");
  REQUIRE(set);
  CHECK(set->task(0)->messages == std::vector<Message>{{"user", "x "}});
  CHECK(set->task(0)->is_text);
}

}  // namespace
}  // namespace pennyweight
