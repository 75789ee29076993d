// The expected values of tests/cases/scorer_cases.json, for the scorers that exist.
#include <cmath>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "datasets/scorer.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using nlohmann::json;

// The file names each rule of mc_letter as a scorer.
const std::map<std::string, std::string> kLetterRules = {
    {"mc_letter_simple_evals", "simple_evals"},
    {"mc_letter_multilingual", "simple_evals_mmlu"},
    {"mc_letter_inspect", "inspect"},
};
const std::map<std::string, int> kCases = {{"exact_match", 7},
                                           {"includes", 5},
                                           {"regex", 4},
                                           {"numeric_close", 6},
                                           {"mc_letter_simple_evals", 6},
                                           {"mc_letter_multilingual", 5},
                                           {"mc_letter_inspect", 4}};

ScorerSpec spec_of(const json& item) {
  const std::string name = item["scorer"];
  auto parameters = parse_json(item["params"].dump());
  REQUIRE(parameters);
  const auto rule = kLetterRules.find(name);
  if (rule == kLetterRules.end()) return {name, *parameters};
  parameters->set("rule", rule->second);
  return {"mc_letter", *parameters};
}

void check_extracted(const json& expected, const Score& score) {
  CHECK(score.parsed == !expected.is_null());
  if (expected.is_string()) CHECK(score.extracted == expected.get<std::string>());
  if (expected.is_number()) CHECK(std::stod(score.extracted) == expected.get<double>());
}

TEST_CASE("Scorers give the expected value of every case") {
  const json cases =
      json::parse(test::read_file(test::source_path("tests/cases/scorer_cases.json")));
  std::map<std::string, int> seen;
  for (const json& item : cases) {
    const std::string name = item["scorer"];
    if (kCases.count(name) == 0) continue;
    ++seen[name];
    INFO(item.dump());
    const auto scorer = make_scorer(spec_of(item));
    REQUIRE(scorer);
    const auto references = item["references"].get<std::vector<std::string>>();
    REQUIRE((*scorer)->check(references, {}));
    const Score score = (*scorer)->score(item["prediction"].get<std::string>(), references, {});
    const json& expected = item["expected"];
    CHECK(score.value == (expected.is_object() ? expected["score"] : expected).get<double>());
    if (expected.is_object()) check_extracted(expected["extracted"], score);
  }
  CHECK(seen == kCases);
}

TEST_CASE("The final line is extracted as its cases say") {
  const json cases =
      json::parse(test::read_file(test::source_path("tests/cases/scorer_cases.json")));
  const auto parameters =
      parse_json(R"({"extract": {"name": "final_line", "markers": ["Answer:"]}})");
  REQUIRE(parameters);
  const auto scorer = make_scorer({"exact_match", *parameters});
  REQUIRE(scorer);
  int seen = 0;
  for (const json& item : cases) {
    if (item["scorer"] != "final_answer_line") continue;
    ++seen;
    const std::string expected = item["expected"];
    const Score score = (*scorer)->score(item["prediction"].get<std::string>(), {expected}, {});
    CHECK(score.extracted == expected);
    CHECK(score.parsed == !expected.empty());
  }
  CHECK(seen == 2);
}

}  // namespace
}  // namespace pennyweight
