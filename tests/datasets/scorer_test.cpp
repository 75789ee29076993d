#include "datasets/scorer.h"

#include <chrono>
#include <string>

#include "tests/test.h"

namespace pennyweight {
namespace {

std::unique_ptr<Scorer> scorer(const std::string& name, const std::string& parameters = "{}") {
  auto value = parse_json(parameters);
  REQUIRE(value);
  auto made = make_scorer({name, *value});
  INFO((made ? "" : made.error().what));
  REQUIRE(made);
  return std::move(*made);
}

Error refusal(const std::string& name, const std::string& parameters) {
  auto value = parse_json(parameters);
  REQUIRE(value);
  const auto made = make_scorer({name, *value});
  REQUIRE_FALSE(made);
  return made.error();
}

constexpr const char* kNfc = "\xEA\xB0\x80";              // 가
constexpr const char* kNfd = "\xE1\x84\x80\xE1\x85\xA1";  // 가, decomposed

TEST_CASE("Decomposed Hangul equals composed Hangul unless nfc is off") {
  for (const char* name : {"exact_match", "includes"}) {
    CHECK(scorer(name)->score(kNfd, {kNfc}, {}).value == 1);
    CHECK(scorer(name)->score(kNfc, {kNfd}, {}).value == 1);
    CHECK(scorer(name, R"({"nfc": false})")->score(kNfd, {kNfc}, {}).value == 0);
  }
  const std::string pattern = std::string(R"({"pattern": "()") + kNfd + ")\"}";
  CHECK(scorer("regex", pattern)->score(kNfc, {kNfd}, {}).value == 1);
  CHECK(scorer("mc_letter")
            ->score("\xE1\x84\x83\xE1\x85\xA1\xE1\x86\xB8: B", {"B"}, {})  // 답, decomposed
            .value == 1);
}

TEST_CASE("A signature names what changes a score") {
  CHECK(scorer("mc_letter")->signature() == "mc_letter|rule:last|nfc:yes|v1");
  CHECK(
      scorer("mc_letter", R"({"rule": "first", "letters": "ABCDE", "nfc": false})")->signature() ==
      "mc_letter|rule:first|letters:ABCDE|nfc:no|v1");
  CHECK(scorer("exact_match")->signature() == "exact_match|nfc:yes|v1");
  CHECK(scorer("exact_match", R"({"ignore_case": true, "strip": true, "regexes_to_ignore": [","]})")
            ->signature() ==
        R"(exact_match|regexes_to_ignore:[","]|ignore_case:yes|strip:yes|nfc:yes|v1)");
  CHECK(scorer("includes", R"({"ignore_case": true})")->signature() ==
        "includes|ignore_case:casefold|nfc:yes|v1");
  CHECK(scorer("regex", R"({"pattern": "a|b", "dotall": true})")->signature() ==
        R"(regex|pattern:"a|b"|dotall:yes|nfc:yes|v1)");
  CHECK(scorer("numeric_close", R"({"abs_tol": 0.005, "rel_tol": 0.02})")->signature() ==
        "numeric_close|abs_tol:0.005|rel_tol:0.02|nfc:yes|v1");
  CHECK(scorer("numeric_close", R"({"abs_tol": 0})")->signature() ==
        scorer("numeric_close", R"({"abs_tol": 0.0})")->signature());
  CHECK(scorer("exact_match", R"({"extract": {"name": "final_line", "markers": ["답:"]}})")
            ->signature() == R"(exact_match|nfc:yes|extract:final_line["답:"]|v1)");
}

TEST_CASE("An unknown scorer or parameter is refused with a suggestion") {
  CHECK(refusal("exact_mach", "{}").fix == "did you mean \"exact_match\"?");
  CHECK(refusal("bleu", "{}").what == "unknown scorer \"bleu\"");
  CHECK(refusal("bleu", "{}").fix.find("numeric_close") != std::string::npos);
  const Error error = refusal("exact_match", R"({"ignorecase": true})");
  CHECK(error.what == "scorer exact_match: unknown key \"ignorecase\"");
  CHECK(error.fix == "did you mean \"ignore_case\"?");
}

TEST_CASE("A parameter that makes no sense is refused") {
  const auto [name, parameters] = GENERATE(table<std::string, std::string>({
      {"exact_match", R"({"nfc": "yes"})"},
      {"exact_match", R"({"regexes_to_ignore": ["("]})"},
      {"exact_match", R"({"regexes_to_ignore": "x"})"},
      {"exact_match", R"({"extract": {"name": "last_line"}})"},
      {"exact_match", R"({"extract": {"name": "final_line"}})"},
      {"exact_match", R"({"extract": {"name": "final_line", "markers": [""]}})"},
      {"exact_match", R"({"extract": {"markers": ["x"]}})"},
      {"exact_match", R"({"extract": 3})"},
      {"exact_match", "[]"},
      {"includes", R"({"fold": "casefold"})"},
      {"includes", R"({"ignore_case": true, "fold": "upper"})"},
      {"regex", "{}"},
      {"regex", R"({"pattern": "a\\C"})"},
      {"regex", R"({"pattern": "(?<=a*)b"})"},
      {"numeric_close", R"({"abs_tol": -1})"},
      {"numeric_close", R"({"rel_tol": 2})"},
      {"mc_letter", R"({"rule": "best"})"},
      {"mc_letter", R"({"letters": "abc"})"},
      {"mc_letter", R"({"letters": ""})"},
      {"mc_letter", R"({"rule": "inspect", "letters": "ABC"})"},
  }));
  INFO(name << " " << parameters);
  CHECK(refusal(name, parameters).kind == ErrorKind::invalid_input);
}

TEST_CASE("A target that can never be right is found before the run") {
  CHECK(scorer("numeric_close")->check({"1,234"}, {}));
  CHECK_FALSE(scorer("numeric_close")->check({"1", "many"}, {}));
  CHECK_FALSE(scorer("includes")->check({""}, {}));
  CHECK(scorer("mc_letter")->check({"D"}, {}));
  CHECK_FALSE(scorer("mc_letter")->check({"E"}, {}));
  CHECK(scorer("mc_letter")->check({"E"}, {"1", "2", "3", "4", "5"}));
  CHECK_FALSE(scorer("mc_letter")->check({"C"}, {"yes", "no"}));
  CHECK_FALSE(scorer("mc_letter")->check({"AB"}, {}));
  CHECK(scorer("exact_match")->check({""}, {}));
}

TEST_CASE("Numbers are compared exactly, whatever their length") {
  const auto exact = scorer("numeric_close");
  CHECK(exact->score("9007199254740993", {"9007199254740993"}, {}).value == 1);
  CHECK(exact->score("9007199254740992", {"9007199254740993"}, {}).value == 0);
  CHECK(exact->score("9,007,199,254,740,993원", {"9007199254740993"}, {}).value == 1);
  CHECK(exact->score("-0", {"0"}, {}).value == 1);
  CHECK(exact->score("0.50", {".5"}, {}).value == 1);
  CHECK(exact->score("12e-1", {"1.2"}, {}).value == 1);
  CHECK(exact->score("-5", {"5"}, {}).value == 0);
  CHECK(scorer("numeric_close", R"({"abs_tol": 1})")->score("12", {"3", "11"}, {}).value == 1);
}

TEST_CASE("What was found is reported, and that nothing was") {
  CHECK(scorer("numeric_close")->score("about 1,234.50", {"1"}, {}).extracted == "1234.50");
  CHECK_FALSE(scorer("numeric_close")->score("none", {"1"}, {}).parsed);
  CHECK(scorer("includes")->score("in Busan", {"Seoul", "Busan"}, {}).extracted == "Busan");
  const auto pair = scorer("regex", R"~({"pattern": "(\\d+)-(\\d+)"})~");
  CHECK(pair->score("12-34", {"34"}, {}).extracted == "34");
  CHECK(pair->score("12-34", {"56"}, {}).extracted == "12");
  CHECK(scorer("regex", R"({"pattern": "b+"})")->score("abbc", {"bb"}, {}).value == 1);
  CHECK(scorer("regex", R"({"pattern": "(x)|b"})")->score("b", {""}, {}).value == 0);
}

TEST_CASE("A pattern that would backtrack for ever ends at once as no match") {
  const std::string hostile = std::string(5'000, 'a') + "!";
  const auto start = std::chrono::steady_clock::now();
  for (const char* pattern :
       {R"((a+)+$)", R"((a|aa)+$)", R"(^(a?){60}a{60}$)", R"((.*)*\\1x)", R"(a*a*a*a*a*b)"}) {
    const auto made = scorer("regex", std::string(R"({"pattern": ")") + pattern + "\"}");
    CHECK_FALSE(made->score(hostile, {"a"}, {}).parsed);
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

TEST_CASE("Bytes that are not UTF-8 are scored as replacement characters") {
  CHECK(scorer("exact_match")->score("a\xFF", {"a\xEF\xBF\xBD"}, {}).value == 1);
  CHECK_FALSE(scorer("regex", R"({"pattern": "b"})")->score("\xFF\xC3", {"b"}, {}).parsed);
  CHECK(scorer("mc_letter")->score("\xFF Answer: B", {"B"}, {}).value == 1);
}

TEST_CASE("KorMedMCQA takes the last match of the first pattern that hits") {
  const auto rule = scorer("mc_letter", R"({"rule": "kormedmcqa"})");
  CHECK(rule->score("정답은 B입니다.", {"B"}, {}).value == 1);
  CHECK(rule->score("정답: A ... 정답: c", {"C"}, {}).value == 1);
  CHECK(rule->score("A. no\nD. yes", {"D"}, {}).value == 1);
  CHECK(rule->score("it is (e)", {"E"}, {}).value == 1);
  CHECK_FALSE(rule->score("unknown", {"E"}, {}).parsed);
}

// The cases of the memo: acc 0 and acc_norm 1; acc 1, acc_norm 0 and acc_bytes 1.
TEST_CASE("The likeliest choice, by sum, by code point and by byte") {
  const auto value = [](const char* parameters, const std::vector<double>& sums,
                        const std::vector<std::string>& choices, const char* target) {
    const std::vector<int> tokens(sums.size(), 1);
    const Score score = scorer("loglikelihood", parameters)
                            ->score(likelihood_answer(sums, tokens), {target}, choices);
    CHECK(score.parsed);
    return score.value;
  };
  constexpr const char* kPoints = R"({"norm": "code_points"})";
  constexpr const char* kBytes = R"({"norm": "bytes"})";
  const std::vector<std::string> animals{"cat", "a very long dog", "sun"};
  CHECK(value("{}", {-4, -6, -9}, animals, "a very long dog") == 0);
  CHECK(value(kPoints, {-4, -6, -9}, animals, "a very long dog") == 1);
  const std::vector<std::string> cities{"서울", "Busan"};
  CHECK(value("{}", {-6, -7}, cities, "서울") == 1);
  CHECK(value(kPoints, {-6, -7}, cities, "서울") == 0);
  CHECK(value(kBytes, {-6, -7}, cities, "서울") == 1);
  CHECK(value("{}", {-6, -7}, cities, "A") == 1);
  CHECK(value("{}", {-5, -5}, cities, "B") == 0);  // of equals the first
}

TEST_CASE("What is no list of likelihoods is not parsed, and targets must be choices") {
  const auto made = scorer("loglikelihood");
  for (const char* answer : {"", "A", "{}", R"({"loglikelihood": [-1.5]})",
                             R"({"loglikelihood": [-1.5, "x"]})", R"({"loglikelihood": 1})"}) {
    CHECK_FALSE(made->score(answer, {"A"}, {"x", "y"}).parsed);
  }
  CHECK(made->score(R"({"loglikelihood":[-2,-1.5]})", {"y"}, {"x", "y"}).extracted == "y");
  CHECK(made->check({"x", "B"}, {"x", "y"}));
  CHECK_FALSE(made->check({"C"}, {"x", "y"}));
  CHECK_FALSE(made->check({"A"}, {"x"}));
  CHECK_FALSE(made->check({"A"}, {"x", ""}));
  CHECK(made->check({"A"}, std::vector<std::string>(1000, "x")));
  CHECK_FALSE(made->check({"A"}, std::vector<std::string>(1001, "x")));
  CHECK_FALSE(made->check(std::vector<std::string>(1001, "A"), {"x", "y"}));
  CHECK(made->signature() == "loglikelihood|v1");
  CHECK(scorer("loglikelihood", R"({"norm": "bytes"})")->signature() ==
        "loglikelihood|norm:bytes|v1");
}

}  // namespace
}  // namespace pennyweight
