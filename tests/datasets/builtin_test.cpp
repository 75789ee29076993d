#include "datasets/builtin/builtin.h"

#include <map>
#include <set>
#include <string>

#include "datasets/builtin/korean_number.h"
#include "datasets/builtin/table_arith.h"
#include "datasets/scorer.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

TaskSet open(const std::string& name, std::uint64_t seed = kPublicSeed) {
  auto set = open_builtin(name, seed);
  INFO((set ? "" : set.error().what + " " + set.error().why));
  REQUIRE(set);
  return *std::move(set);
}

TEST_CASE("The built-in sets of the public seed are the ones that were published") {
  const std::map<std::string, std::string> published = {
      {"table_arith:quick", "6a0ed935be1f355ffbe650cea223a8b670f5f1a897d60b34868145c7e35844f1"},
      {"table_arith", "2b5cc9a724300c32ea3345b2febcc0730f22d038f25e7454ff1039c4b96cf142"},
      {"table_arith:full", "115a2e0b194bfaf1fb78769ac9123ad01ce9b02ddca7c8fc2d87f372f42ff0c1"},
      {"ko_number:quick", "f3ae614951d8bac66e6e1db335d67b842c2c3dbefb79617265a3c986fcd25914"},
      {"ko_number", "99c139518d26af1ea3ee554e08593be613742716e414db960c01b904aa8122d8"},
      {"ko_number:full", "640d33cb40735846004f41021ed49356e8385c85136028f6e001d73009be3223"},
  };
  for (const auto& [name, hash] : published) {
    INFO(name);
    CHECK(open(name).info().sha256 == hash);
  }
}

TEST_CASE("The first tasks of the built-in sets read as their golden files") {
  for (const BuiltinSet& facts : builtin_sets()) {
    const TaskSet set = open(facts.name);
    std::string text;
    for (std::size_t row = 0; row < 4; ++row) {
      const auto task = set.task(row);
      REQUIRE(task);
      text += "# " + task->id + "\n";
      for (const Message& message : task->messages) {
        text += message.role + ": " + message.content + "\n";
      }
      for (const std::string& target : task->targets) text += "=> " + target + "\n";
      text += (*make_scorer(task->scorer))->signature() + "\n\n";
    }
    test::check_golden("task_sets/" + facts.name + ".txt", text);
  }
}

TEST_CASE("A smaller built-in set is the beginning of the larger one") {
  for (const BuiltinSet& facts : builtin_sets()) {
    const TaskSet quick = open(facts.name + ":quick"), standard = open(facts.name);
    const TaskSet full = open(facts.name + ":full");
    CHECK(quick.size() == 25);
    CHECK(standard.size() == 100);
    CHECK(full.size() == 300);
    for (std::size_t row = 0; row < standard.size(); ++row) {
      if (row < quick.size()) CHECK(*quick.row(row) == *standard.row(row));
      CHECK(*standard.row(row) == *full.row(row));
    }
  }
}

TEST_CASE("Another seed gives other tasks, the same seed the same") {
  for (const BuiltinSet& facts : builtin_sets()) {
    CHECK(open(facts.name, 1).info().sha256 == open(facts.name, 1).info().sha256);
    CHECK(open(facts.name, 1).info().sha256 != open(facts.name, 2).info().sha256);
  }
}

TEST_CASE("Built-in sets spread their levels, never repeat a question and fit their token limit") {
  const std::uint64_t seed = GENERATE(as<std::uint64_t>{}, kPublicSeed, 0, 1, 99);
  for (const BuiltinSet& facts : builtin_sets()) {
    const TaskSet set = open(facts.name + ":full", seed);
    CHECK_FALSE(set.info().limits.empty());
    CHECK(set.info().chance.has_value());
    std::map<std::int64_t, int> levels;
    std::set<std::string> questions;
    for (std::size_t row = 0; row < set.size(); ++row) {
      const auto task = set.task(row);
      REQUIRE(task);
      ++levels[*task->meta.find("level")->integer()];
      questions.insert(task->messages.back().content);
      const auto scorer = make_scorer(task->scorer);
      for (const std::string& target : task->targets) {
        CHECK(target.size() < static_cast<std::size_t>(*set.info().generate.max_tokens));
        CHECK((*scorer)->score(target + ".", task->targets, {}).value == 1);
      }
      CHECK((*scorer)->score("0", task->targets, {}).value == 0);
    }
    CHECK(questions.size() == 300);
    CHECK(levels == std::map<std::int64_t, int>{{1, 75}, {2, 75}, {3, 75}, {4, 75}});
  }
}

TEST_CASE("A misspelt set or size gets a suggestion") {
  CHECK(open_builtin("table_arit").error().fix == "did you mean \"table_arith\"?");
  CHECK(open_builtin("ko_number:quik").error().fix == "did you mean \"quick\"?");
  CHECK(open_builtin("zzz").error().fix == "built-in sets: table_arith, ko_number");
  CHECK(open_task_set("ko_numbr").error().fix == "did you mean \"ko_number\"?");
  CHECK(open_task_set("ko_numbr").error().kind == ErrorKind::usage);
}

TEST_CASE("A task set is given by name, file or directory") {
  test::TempDir dir;
  test::write_file(dir / "rows.jsonl", R"({"id": "a", "vars": {"input": "?"}, "target": "!"})");
  test::write_file(dir / "taskset.json",
                   R"({"format": 1, "name": "mine", "rows": {"path": "rows.jsonl"},
                       "prompt": {"user": "{{ input }}"}})");
  CHECK(open_task_set("ko_number:quick")->size() == 25);
  CHECK(open_task_set(dir.path().string())->info().name == "mine");
  CHECK(open_task_set((dir / "taskset.json").string())->info().name == "mine");
  CHECK(open_task_set((dir / "rows.jsonl").string())->info().name == "rows");
  CHECK(open_task_set("none/taskset.json").error().kind == ErrorKind::not_found);
  CHECK(open_task_set("none.jsonl").error().kind == ErrorKind::not_found);
}

TEST_CASE("Korean numbers have their usual reading first, then the other accepted ones") {
  using Words = std::vector<std::string>;
  CHECK(korean_readings(37) == Words{"삼십칠"});
  CHECK(korean_readings(10'458) == Words{"만사백오십팔", "일만사백오십팔"});
  CHECK(korean_readings(340'560'007) == Words{"삼억사천오십육만칠"});
  CHECK(korean_readings(1'215) == Words{"천이백십오", "일천이백십오", "일천이백일십오"});
  CHECK(korean_readings(100'000'000) == Words{"일억"});
  CHECK(korean_readings(9'999'999'999'999'999).front() ==
        "구천구백구십구조구천구백구십구억구천구백구십구만구천구백구십구");
  CHECK(mixed_form(1'234'000'056) == "12억 3400만 56");
  CHECK(with_commas(1'234'567) == "1,234,567");
  CHECK(with_commas(123) == "123");
}

TEST_CASE("The independent reader reads every form, and nothing else") {
  for (const std::uint64_t number :
       {1ULL, 10ULL, 11ULL, 9'999ULL, 10'000ULL, 10'001ULL, 110'000ULL, 100'000'000ULL,
        1'000'010'000ULL, 1'111'111'111'111'111ULL, 9'999'999'999'999'999ULL}) {
    for (const std::string& reading : korean_readings(number)) {
      INFO(reading);
      CHECK(read_korean_number(reading) == number);
    }
    CHECK(read_korean_number(mixed_form(number)) == number);
    CHECK(read_korean_number(with_commas(number)) == number);
  }
  for (const char* text : {"", " ", "일이", "천원", "abc", "10000만", "99999999999999999"}) {
    CHECK_FALSE(read_korean_number(text));
  }
}

TEST_CASE("The independent reader of tables answers from the text alone") {
  constexpr const char* kCsv =
      "id,region,product,units,price\n1,Seoul,pump,10,20\n2,Seoul,gear,5,30\n3,Jeju,pump,7,100";
  TableTask asked;
  asked.row = 2;
  CHECK(answer_from_csv(kCsv, asked) == "7");
  asked.price = true;
  CHECK(answer_from_csv(kCsv, asked) == "100");
  asked.product = "pump";
  asked.region = "Seoul";
  asked.kind = TableQuestion::filtered_sum;
  CHECK(answer_from_csv(kCsv, asked) == "900");
  asked.kind = TableQuestion::best_group;
  CHECK(answer_from_csv(kCsv, asked) == "700");
  asked.kind = TableQuestion::share_of_region;
  CHECK(answer_from_csv(kCsv, asked) == "57.1");  // 200 of 350
  asked.region = "Busan";
  CHECK_FALSE(answer_from_csv(kCsv, asked));
}

}  // namespace
}  // namespace pennyweight
