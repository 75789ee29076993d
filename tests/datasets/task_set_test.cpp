#include "datasets/task_set.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "metrics/base/hash.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using test::TempDir;
using test::write_file;

constexpr const char* kManifest = R"({
  "format": 1, "name": "trivia", "version": "2.1", "language": "en", "license": "MIT",
  "source": "by hand", "description": "d", "limits": "l", "chance": 0.25,
  "rows": {"path": "rows.jsonl"},
  "prompt": {"system": "Be brief.", "user": "Q: {{ question }}\nA:"},
  "generate": {"max_tokens": 12, "temperature": 0.5, "stop": ["\n"]},
  "score": {"default": {"name": "includes", "ignore_case": true},
            "extract": {"name": "final_line", "markers": ["A:"]}},
  "outcomes": {"max_error_rate": 0.05}
})";
const std::string kRow = R"({"id": "a", "vars": {"question": "1+1?"}, "target": "2"})";

Result<TaskSet> parse(const std::string& rows, const std::string& manifest = kManifest) {
  return TaskSet::parse(manifest, rows, "rows.jsonl");
}

std::string error_of(const std::string& rows, const std::string& manifest = kManifest) {
  const auto set = parse(rows, manifest);
  REQUIRE_FALSE(set);
  return set.error().what;
}

// kManifest with the text `from` replaced.
std::string edited(const std::string& from, const std::string& to) {
  std::string text = kManifest;
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("A task set gives its facts and renders its rows") {
  const auto set = parse(kRow + "\n" + R"({"id": "b", "group": "g", "cluster": "c", "tags": ["t"],
 )");
  REQUIRE_FALSE(set);  // a row is one line

  const auto good = parse(
      kRow + "\n" +
      R"({"id":"b","group":"g","cluster":"c","tags":["t"],"vars":{"question":"한?"},"choices":["x","y"],)"
      R"("target":["A","a"],"scorer":{"name":"mc_letter","rule":"first"},"meta":{"level":3}})");
  REQUIRE(good);
  CHECK(good->info().name == "trivia");
  CHECK(good->info().version == "2.1");
  CHECK(good->info().limits == "l");
  CHECK(good->info().chance == 0.25);
  CHECK(good->info().generate.max_tokens == 12);
  CHECK(good->info().generate.temperature == 0.5);
  CHECK(good->info().generate.stop == std::vector<std::string>{"\n"});
  CHECK(good->info().outcomes.max_error_rate == 0.05);
  REQUIRE(good->size() == 2);
  CHECK(good->id(1) == "b");

  const auto first = good->task(0);
  REQUIRE(first);
  CHECK(first->messages == std::vector<Message>{{"system", "Be brief."}, {"user", "Q: 1+1?\nA:"}});
  CHECK(first->scorer.name == "includes");
  REQUIRE(first->scorer.parameters.find("extract"));
  CHECK(first->row_sha256 == sha256(kRow));
  CHECK_FALSE(first->has_images);

  const auto second = good->task(1);
  REQUIRE(second);
  CHECK(second->messages.back().content == "Q: 한?\nA:");
  CHECK(second->targets == std::vector<std::string>{"A", "a"});
  CHECK(second->choices.size() == 2);
  CHECK(second->scorer.name == "mc_letter");
  CHECK(second->group == "g");
  CHECK(second->cluster == "c");
  CHECK(second->tags == std::vector<std::string>{"t"});
  CHECK(*second->meta.find("level")->integer() == 3);
  CHECK(*good->row(1)->find("id")->text() == "b");
}

TEST_CASE("Choices can be listed in the prompt") {
  const auto set = parse(
      R"({"id":"a","vars":{"question":"Q"},"choices":["x","y"],"target":"A","scorer":{"name":"mc_letter"}})",
      edited("Q: {{ question }}\\nA:",
             "{{ question }}{% for c in choices %}\\n{{ loop.index0 | letter }}) {{ c }}{% endfor "
             "%}"));
  REQUIRE(set);
  CHECK(set->task(0)->messages.back().content == "Q\nA) x\nB) y");
}

TEST_CASE("Rows may hold messages or one turn") {
  const auto set = parse(
      R"({"id":"m","messages":[{"role":"user","content":"hi {{x}}"},{"role":"assistant","content":"yes"},{"role":"user","content":"go"}],"target":"x"})"
      "\n"
      R"({"id":"t","turns":["only {{x}}"],"vars":null,"target":"x"})");
  REQUIRE(set);
  CHECK(set->task(0)->messages.size() == 3);
  CHECK(set->task(0)->messages.front().content == "hi {{x}}");
  CHECK(set->task(1)->messages ==
        std::vector<Message>{{"system", "Be brief."}, {"user", "only {{x}}"}});
}

TEST_CASE("A bad row is an error with its file, line and column") {
  const auto [row, what] = GENERATE(table<std::string, std::string>({
      {R"({"id": "b", "taget": "2"})", R"(rows.jsonl:3:13: row: unknown key "taget")"},
      {R"({"id": "b", "vars": {"question": ""}})", R"(rows.jsonl:3:1: row: "target" is missing)"},
      {R"({"vars": {}, "target": "2"})", R"(rows.jsonl:3:1: row: "id" is missing)"},
      {R"({"id": "", "vars": {}, "target": "2"})", R"(rows.jsonl:3:2: row: "id" is empty)"},
      {R"({"id": "a", "vars": {"question": ""}, "target": "2"})",
       R"(rows.jsonl:3:2: id "a" is already on line 1)"},
      {R"({"id": 7, "vars": {}, "target": "2"})", R"(rows.jsonl:3:2: row: "id" must be a string)"},
      {R"({"id": "b", "vars": {"question": ""}, "target": 2})",
       R"(rows.jsonl:3:39: row: "target" must be a string or a list of strings)"},
      {R"({"id": "b", "vars": {"question": ""}, "target": []})",
       R"(rows.jsonl:3:39: row: "target" must hold at least one string)"},
      {R"({"id": "b", "target": "2"})", "rows.jsonl:3:1: row has no prompt"},
      {R"({"id": "b", "vars": {}, "turns": ["x"], "target": "2"})",
       "rows.jsonl:3:1: row has more than one prompt"},
      {R"({"id": "b", "turns": ["x", "y"], "target": "2"})",
       "rows.jsonl:3:13: row: 2 turns, and only one is supported"},
      {R"({"id": "b", "messages": [{"role": "usr", "content": "x"}], "target": "2"})",
       R"(rows.jsonl:3:27: messages[0]: "role" cannot be "usr")"},
      {R"({"id": "b", "messages": [], "target": "2"})",
       R"(rows.jsonl:3:13: row: "messages" must end with a user's)"},
      {R"({"id": "b", "vars": {"question": ""}, "target": "2", "scorer": {"name": "regx"}})",
       R"(rows.jsonl:3:54: row: unknown scorer "regx")"},
      {R"({"id": "b", "vars": {"question": ""}, "target": "2", "scorer": {"name": "regex", "pattern": "("}})",
       "rows.jsonl:3:54: row: scorer regex: malformed pattern at byte 1: missing closing "
       "parenthesis"},
      {R"({"id": "b", "vars": {"q": ""}, "target": "2"})", "rows.jsonl:3:1: row \"b\": "},
      {R"({"id": "b", "vars": {"question": ""}, "target": "x", "scorer": {"name": "numeric_close"}})",
       "rows.jsonl:3:1: row \"b\": target \"x\" does not fit numeric_close"},
      {R"({"id": "b", "vars": {"question": ""}, "target": "x", "images": [{"name": "n", "path": "../x"}]})",
       "rows.jsonl:3:79: images[0]: the path of an image must lie inside"},
      {R"({"id": "b", "vars": 3, "target": "x"})",
       R"(rows.jsonl:3:13: row: "vars" must be an object)"},
      {R"(["id"])", "rows.jsonl:3:1: row is not an object"},
      {R"({"id": "b", "한": 1})", R"(rows.jsonl:3:13: row: unknown key "한")"},
      {R"({"한": "b", "x": 1, "id": "c", "target": "2"})",
       "rows.jsonl:3:2: row: unknown key \"한\""},
      {R"({"id": "b",})", "rows.jsonl:3:12: malformed JSON"},
      {"{\"id\": \"\xFF\"}", "rows.jsonl:3:9: not valid UTF-8"},
      {"{\"id\": \"한\xE2\x82\"}", "rows.jsonl:3:10: not valid UTF-8"},
      {R"({"id": "b", "id": "c"})", "rows.jsonl:3:16: malformed JSON"},
  }));
  INFO(row);
  const std::string found = error_of(kRow + "\n\n" + row + "\n");
  CHECK(found.substr(0, what.size()) == what);
}

TEST_CASE("The suggestion names the key that was meant") {
  const auto set = parse(R"({"id": "b", "taget": "2"})");
  REQUIRE_FALSE(set);
  CHECK(set.error().fix == "did you mean \"target\"?");
}

TEST_CASE("A bad manifest is an error with its line and column") {
  const auto [from, to, what] = GENERATE(table<std::string, std::string, std::string>({
      {"\"format\": 1", "\"format\": 2", "rows.jsonl:2:3: manifest: a newer format"},
      {"\"format\": 1", "\"x\": 1", "rows.jsonl:2:3: manifest: unknown key \"x\""},
      {"\"format\": 1,", "", "rows.jsonl:1:1: manifest: \"format\" is missing"},
      {"\"name\": \"trivia\"", "\"name\": \"\"", "rows.jsonl:2:16: manifest: \"name\" is empty"},
      {"0.25", "1.5", "rows.jsonl:3:59: manifest: \"chance\" must be a number from 0 to 1"},
      {"\"path\": \"rows.jsonl\"", "\"path\": \"../r\"", "rows.jsonl:4:12: rows: the path"},
      {"\"path\": \"rows.jsonl\"", "\"path\": \"/r\"", "rows.jsonl:4:12: rows: the path"},
      {"\"path\": \"rows.jsonl\"", "\"path\": \"r\", \"sha256\": \"0\"",
       "rows.jsonl:4:25: rows: \"sha256\""},
      {"\"system\"", "\"sistem\"", "rows.jsonl:5:14: prompt: unknown key \"sistem\""},
      {"{{ question }}", "{{ question", "rows.jsonl:5:37: prompt: "},
      {"12", "0", "rows.jsonl:6:16: generate: \"max_tokens\" must be a whole number from 1"},
      {"\"system\": \"Be brief.\"", "\"system\": \"s\", \"as\": \"text\"",
       "rows.jsonl:5:14: prompt: a prompt as \"text\" has no system message"},
      {"\"stop\": [\"\\n\"]", "\"repeats\": 2",
       "rows.jsonl:6:54: generate: a set that repeats itself"},
      {"\"includes\"", "\"include\"", "rows.jsonl:7:13: score: unknown scorer \"include\""},
      {"final_line", "last_line", "rows.jsonl:8:13: score: "},
      {"0.05", "2", "rows.jsonl:9:16: outcomes: \"max_error_rate\""},
      {"\"max_error_rate\": 0.05", "\"refused\": \"right\"",
       "rows.jsonl:9:16: outcomes: \"refused\" cannot be"},
  }));
  INFO(to);
  CHECK(error_of(kRow, edited(from, to)).substr(0, what.size()) == what);
}

TEST_CASE("The full manifest of the format is read") {
  const auto set = parse(kRow, R"({"format":1,"name":"ko-office","version":"1.0.0","language":"ko",
"license":"MIT","source":"generated","seed":20240601,"rows":{"path":"rows.jsonl"},
"prompt":{"system":"...","user":"{{question}}\n답: "},
"generate":{"max_tokens":512,"temperature":0,"stop":[],"repeats":1,"json_mode":true},
"score":{"default":{"name":"exact_match","nfc":true},
"extract":{"name":"final_line","markers":["답:","Answer:"]},"primary":"score"},
"groups":{"by":"group","aggregate":"macro"},"chance":0.25,"compare":{"margin":0.03,"alpha":0.05},
"outcomes":{"refused":"wrong","truncated":"score_and_flag","empty":"wrong",
"error":"exclude_and_flag","max_error_rate":0.01}})");
  REQUIRE(set);
  CHECK(set->info().seed == 20240601U);
  CHECK(set->info().generate.json_mode);
}

TEST_CASE("No truncation of a set is read as another set") {
  for (std::size_t n = 0; n < kRow.size(); ++n) {
    INFO(n);
    CHECK_FALSE(parse(kRow.substr(0, n)));
  }
  const std::string manifest = kManifest;
  for (std::size_t n = 1; n < manifest.size(); ++n) CHECK_FALSE(parse(kRow, manifest.substr(0, n)));
}

TEST_CASE("Empty lines, CRLF and a byte order mark are tolerated, no rows are not") {
  const auto set = parse("\xEF\xBB\xBF" + kRow + "\r\n\r\n   \n\t\n" +
                         R"({"id": "b", "vars": {"question": "?"}, "target": "2"})");
  REQUIRE(set);
  CHECK(set->size() == 2);
  CHECK(set->task(0)->row_sha256 == sha256(kRow));
  CHECK(error_of("\n \n") == "rows.jsonl: no rows");
}

TEST_CASE("The hash of a set covers rows and manifest, not formatting or pinning") {
  const std::string plain = parse(kRow)->info().sha256;
  CHECK(plain.size() == 64);
  CHECK(parse(kRow, edited("\"format\": 1, ", "\"format\":1,"))->info().sha256 == plain);
  const std::string pinned = edited("\"path\": \"rows.jsonl\"",
                                    R"("sha256": ")" + sha256(kRow) + R"(", "path": "rows.jsonl")");
  REQUIRE(parse(kRow, pinned));
  CHECK(parse(kRow, pinned)->info().sha256 == plain);
  CHECK(parse(kRow + "\n")->info().sha256 != plain);
  CHECK(parse(kRow, edited("Be brief", "Be long"))->info().sha256 != plain);
  CHECK(error_of(kRow + "\n", pinned) == "rows.jsonl: not the file that the manifest pins");
}

TEST_CASE("A set on disk is opened by its manifest or its bare rows") {
  TempDir dir;
  write_file(dir / "taskset.json", kManifest);
  write_file(dir / "rows.jsonl", kRow + "\n");
  write_file(dir / "bare.jsonl", R"({"id": "a", "vars": {"input": "1+1?"}, "target": "2"})");
  const auto set = TaskSet::open(dir / "taskset.json");
  REQUIRE(set);
  CHECK(set->info().name == "trivia");
  const auto bare = TaskSet::open(dir / "bare.jsonl");
  REQUIRE(bare);
  CHECK(bare->info().name == "bare");
  CHECK(bare->task(0)->messages == std::vector<Message>{{"user", "1+1?"}});
  CHECK(bare->task(0)->scorer.name == "exact_match");
  CHECK(bare->info().generate.max_tokens == 256);
  CHECK(TaskSet::open(dir / "none.jsonl").error().what.find("none.jsonl") != std::string::npos);
  std::filesystem::remove(dir / "rows.jsonl");
  CHECK_FALSE(TaskSet::open(dir / "taskset.json"));
}

TEST_CASE("A file that changes after opening is an error, not another task") {
  TempDir dir;
  const auto path = dir / "r.jsonl";
  const std::string first = R"({"id": "a", "vars": {"input": "1"}, "target": "2"})";
  const std::string second = R"({"id": "b", "vars": {"input": "1"}, "target": "2"})";
  write_file(path, first + "\n" + second);
  const auto set = TaskSet::open(path);
  REQUIRE(set);
  REQUIRE(set->task(1));
  write_file(path, first + "\n" + R"({"id": "b", "vars": {"input": "9"}, "target": "2"})");
  CHECK(set->task(0));
  REQUIRE_FALSE(set->task(1));
  CHECK(set->task(1).error().what.find(":2:1: the row \"b\" changed") != std::string::npos);
  std::filesystem::resize_file(path, 10);
  CHECK_FALSE(set->task(0));
}

TEST_CASE("Ten thousand rows open quickly and are read on demand") {
  TempDir dir;
  std::string rows;
  for (int i = 0; i < 10'000; ++i) {
    rows += R"({"id": "row/)" + std::to_string(i) + R"(", "vars": {"input": ")" +
            std::string(300, 'x') + R"("}, "target": ")" + std::to_string(i) + "\"}\n";
  }
  write_file(dir / "many.jsonl", rows);
  const auto start = std::chrono::steady_clock::now();
  const auto set = TaskSet::open(dir / "many.jsonl");
  REQUIRE(set);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
  CHECK(set->size() == 10'000);
  CHECK(set->task(9'999)->targets.front() == "9999");
  CHECK(set->task(4'321)->id == "row/4321");
}

TEST_CASE("Rows are found wherever the pieces of a file end") {
  // Lines of growing length around 1 MiB, so that a line ends just before, at and after a piece.
  TempDir dir;
  std::string rows;
  std::vector<std::string> hashes;
  for (const std::size_t length : {1'048'500U, 76U, 77U, 1'048'577U, 3'000'000U, 1U}) {
    const std::string row = R"({"id":")" + std::to_string(length) + R"(","vars":{"input":")" +
                            std::string(length, 'y') + R"("},"target":"z"})";
    hashes.push_back(sha256(row));
    rows += row + "\n";
  }
  write_file(dir / "r.jsonl", rows);
  const auto set = TaskSet::open(dir / "r.jsonl");
  REQUIRE(set);
  REQUIRE(set->size() == hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) CHECK(set->task(i)->row_sha256 == hashes[i]);
}

TEST_CASE("Images are noted and must stay inside the set") {
  const std::string image = R"("images": [{"name": "c", "path": "img/c.png", "sha256": ")" +
                            std::string(64, 'a') + "\"}]";
  const auto set = parse(R"({"id": "a", "vars": {"question": "?"}, "target": "2", )" + image + "}");
  REQUIRE(set);
  CHECK(set->task(0)->has_images);
}

struct FewShotFiles {
  explicit FewShotFiles(const std::string& few_shot) {
    write_file(dir / "taskset.json",
               edited("\"system\": \"Be brief.\"", "\"few_shot\": " + few_shot));
    write_file(dir / "rows.jsonl", kRow);
    std::string shots;
    for (const char* id : {"a", "s1", "s2", "s3"}) {
      shots += R"({"id": ")" + std::string(id) + R"(", "vars": {"question": ")" + id +
               R"(?"}, "target": ")" + id + "!\"}\n";
    }
    write_file(dir / "shots.jsonl", shots);
  }
  Result<TaskSet> open() const { return TaskSet::open(dir / "taskset.json"); }
  TempDir dir;
};

TEST_CASE("Examples come before the question, never the question itself") {
  const FewShotFiles turns(R"({"rows": "shots.jsonl", "k": 2})");
  CHECK(turns.open()->task(0)->messages == std::vector<Message>{{"user", "Q: s1?\nA:"},
                                                                {"assistant", "s1!"},
                                                                {"user", "Q: s2?\nA:"},
                                                                {"assistant", "s2!"},
                                                                {"user", "Q: 1+1?\nA:"}});
  const FewShotFiles text(
      R"({"rows": "shots.jsonl", "k": 1, "as": "text", "delimiter": "\n--\n"})");
  CHECK(text.open()->task(0)->messages ==
        std::vector<Message>{{"user", "Q: s1?\nA:s1!\n--\nQ: 1+1?\nA:"}});
  const FewShotFiles hashed(R"({"rows": "shots.jsonl", "k": 3, "pick": "hash"})");
  CHECK(hashed.open()->task(0)->messages.size() == 7);
  CHECK(hashed.open()->info().sha256 != turns.open()->info().sha256);
}

TEST_CASE("Examples that are missing, too few or not the pinned ones are errors") {
  CHECK_FALSE(FewShotFiles(R"({"rows": "none.jsonl", "k": 1})").open());
  CHECK_FALSE(FewShotFiles(R"({"rows": "shots.jsonl", "k": 4})").open());
  CHECK_FALSE(FewShotFiles(R"({"rows": "shots.jsonl"})").open());
  CHECK_FALSE(FewShotFiles(R"({"rows": "shots.jsonl", "k": 1, "pick": "best"})").open());
  CHECK_FALSE(
      FewShotFiles(R"({"rows": "shots.jsonl", "k": 1, "sha256": ")" + std::string(64, '0') + "\"}")
          .open());
  CHECK(parse(kRow,
              edited("\"system\": \"Be brief.\"", R"("few_shot": {"rows": "shots.jsonl", "k": 1})"))
            .error()
            .kind == ErrorKind::unsupported);
}

TEST_CASE("Sample rows whose scorer exists are read, and the others are refused by their scorer") {
  constexpr const char* kSample = R"({"format":1,"name":"sample","rows":{"path":"rows.jsonl"},
    "prompt":{"user":"{{ table | default('') }}{{ contract | default('') }}{{ question | default('') }}"}})";
  std::ifstream in(test::source_path("tests/cases/quality_sample_rows.jsonl"));
  int read = 0, refused = 0;
  for (std::string row; std::getline(in, row);) {
    INFO(row.substr(0, 100));
    const auto set = TaskSet::parse(kSample, row, "rows.jsonl");
    if (set) {
      ++read;
      CHECK_FALSE(set->task(0)->messages.back().content.empty());
      continue;
    }
    ++refused;
    CHECK(set.error().what.find("rows.jsonl:1:") == 0);
    const bool has_other_scorer = row.find(R"("all":[{"name":"json_schema")") != row.npos ||
                                  row.find(R"("name":"key_facts")") != row.npos;
    CHECK(has_other_scorer);
  }
  CHECK(read == 25);
  CHECK(refused == 2);
}

}  // namespace
}  // namespace pennyweight
