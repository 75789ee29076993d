#include <filesystem>
#include <map>
#include <string>

#include "local_backend/engine.h"
#include "local_backend/grammar/grammar_matcher.h"
#include "local_backend/grammar/json_schema.h"
#include "local_backend/grammar/token_constraint.h"
#include "local_backend/synthetic_model.h"
#include "tests/local_backend/grammar/ambiguous_grammar.h"
#include "tests/local_backend/grammar/schema_check.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

using pennyweight::test::TempDir;

struct Told {
  std::vector<Token> tokens;
  std::string text, error;
  FinishReason reason = FinishReason::error;
};

class Recorder final : public StepSink {
 public:
  void on_prefill(SequenceId, int, int) override {}
  void on_token(SequenceId id, const GeneratedToken& token) override {
    told[id].tokens.push_back(token.token);
    told[id].text += token.bytes;
  }
  void on_finished(SequenceId id, FinishReason reason, std::string_view tail,
                   const Error* error) override {
    told[id].reason = reason;
    told[id].text += tail;
    if (error != nullptr) told[id].error = error->what;
  }
  std::map<SequenceId, Told> told;
};

// Random weights: nothing but the grammar makes its answers what they are.
class Model {
 public:
  explicit Model(int parallel = 4) {
    SyntheticSpec spec;
    spec.embedding_length = 64;
    spec.feed_forward_length = 96;
    spec.layers = 1;
    REQUIRE(write_synthetic_model(spec, dir_ / "m.gguf"));
    EngineOptions options;
    options.threads = 1;
    options.parallel = parallel;
    auto opened = Engine::open(dir_ / "m.gguf", options);
    REQUIRE(opened);
    engine = *std::move(opened);
  }
  SequenceSpec spec(std::shared_ptr<const Grammar> grammar, std::uint64_t seed,
                    float temperature = 1, int max_tokens = 400) const {
    SequenceSpec out;
    out.prompt = *engine->encode(PromptText{"JSON, please:"});
    out.max_tokens = max_tokens;
    out.sampling.temperature = temperature;
    out.sampling.seed = seed;
    out.grammar = std::move(grammar);
    return out;
  }
  std::vector<Told> run(const std::vector<SequenceSpec>& specs) const {
    Recorder recorder;
    std::vector<SequenceId> ids;
    for (const auto& each : specs) {
      const auto id = engine->submit(each);
      INFO((id ? "" : id.error().what));
      REQUIRE(id);
      ids.push_back(*id);
    }
    while (engine->step(recorder)) continue;
    std::vector<Told> out;
    for (const SequenceId id : ids) out.push_back(recorder.told[id]);
    return out;
  }
  Told run(const SequenceSpec& one) const { return run(std::vector{one}).front(); }

  std::unique_ptr<Engine> engine;

 private:
  TempDir dir_;
};

std::shared_ptr<const Grammar> gbnf(const std::string& text) {
  auto grammar = Grammar::parse(text);
  REQUIRE(grammar);
  return *grammar;
}

}  // namespace

TEST_CASE("answers of a random model are JSON of random schemas") {
  const Model model;
  Random random(21, Stream::synthesis);
  int whole = 0;
  for (std::uint64_t i = 0; i < 60; ++i) {
    const OrderedJson schema = random_schema(random, 2);
    const auto grammar = grammar_of_json_schema(schema.dump());
    REQUIRE(grammar);
    const Told told = model.run(model.spec(*grammar, i, i % 5 == 0 ? 0.0f : 1.0f));
    INFO(schema.dump() << "\n" << told.text << "\n" << told.error);
    REQUIRE(told.reason != FinishReason::error);
    if (told.reason == FinishReason::length) continue;  // a long name or list
    ++whole;
    const OrderedJson value = OrderedJson::parse(told.text, nullptr, false);
    REQUIRE_FALSE(value.is_discarded());
    REQUIRE(is_valid(value, schema, schema));
  }
  CHECK(whole >= 40);
}

TEST_CASE("an answer that max_tokens cut is the beginning of a legal one") {
  const Model model;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const Told told = model.run(model.spec(json_object_grammar(), seed, 1, 20));
    GrammarMatcher matcher(json_object_grammar());
    auto state = matcher.start();
    for (const char byte : told.text) state = matcher.next(state, static_cast<std::uint8_t>(byte));
    CHECK(state != GrammarMatcher::kDead);
    if (told.reason == FinishReason::stop) CHECK(matcher.complete(state));
  }
}

TEST_CASE("bound answers are the same alone and side by side") {
  const Model model(8);
  const auto list = gbnf("root ::= \"[\" ([a-z가-힣]{1,4} (\",\" [^\\x00-\\x7f]+)*)? \"]\"");
  std::vector<SequenceSpec> specs;
  for (std::uint64_t i = 0; i < 9; ++i) {
    specs.push_back(model.spec(i % 3 == 0   ? nullptr
                               : i % 3 == 1 ? list
                                            : json_object_grammar(),
                               i, i % 2 == 0 ? 1.0f : 0.0f, 40));
    specs.back().sampling.top_k = i % 4 == 3 ? 20 : 0;
    specs.back().sampling.frequency_penalty = 0.5f;
  }
  const auto together = model.run(specs);
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const Told alone = model.run(specs[i]);
    CHECK(alone.tokens == together[i].tokens);
    CHECK(alone.text == together[i].text);
  }
}

TEST_CASE("every token is tried: the mask holds exactly those that are legal one by one") {
  const Model model;
  const Tokenizer& tokenizer = model.engine->tokenizer();
  const auto trie = std::make_shared<const TokenTrie>(tokenizer);
  for (const char* text : {"root ::= \" t\"? [a-z ]* \"가\"+ | \"<\" .{3}", "root ::= [^a-m]*",
                           "root ::= (\"the\" \" \"?)*"}) {
    const auto grammar = gbnf(text);
    TokenConstraint bound(grammar, trie, tokenizer);
    Random random(3, Stream::synthesis);
    for (int step = 0; step < 12; ++step) {
      TokenConstraint masked = bound;
      const std::vector<bool> all = masked.all();
      std::vector<Token> legal;
      for (Token token = 0; token < tokenizer.size(); ++token) {
        REQUIRE(all[static_cast<std::size_t>(token)] == bound.allows(token));
        if (bound.allows(token) && !tokenizer.ends_generation(token)) legal.push_back(token);
      }
      if (legal.empty()) break;
      bound.accept(legal[random.below(legal.size())]);
    }
  }
}

TEST_CASE("the answer ends with its last legal character, and may end where it is whole") {
  const Model model;
  const Told fixed = model.run(model.spec(gbnf("root ::= \"yes\" | \"no\""), 1));
  CHECK((fixed.text == "yes" || fixed.text == "no"));
  CHECK(fixed.reason == FinishReason::stop);
  const Told empty = model.run(model.spec(gbnf("root ::= \"\""), 1));
  CHECK(empty.text.empty());
  CHECK(empty.tokens.size() == 1);
  CHECK(empty.reason == FinishReason::stop);
  SequenceSpec stopped = model.spec(gbnf("root ::= \"yes\""), 1);
  stopped.stop = {"es"};
  CHECK(model.run(stopped).text == "y");
}

TEST_CASE("a grammar that cannot be followed ends the answer with its reason") {
  const Model model;
  CHECK(model.run(model.spec(gbnf(pennyweight::test::ambiguous_grammar()), 1)).error ==
        "the grammar has too many ways to read this answer");
  SequenceSpec endless = model.spec(gbnf("root ::= \"a\""), 1);
  endless.ignore_eos = true;
  CHECK_FALSE(model.engine->submit(endless));
  SequenceSpec biased = model.spec(nullptr, 1);
  biased.sampling.logit_bias = {{100'000, 1.0f}};
  CHECK_FALSE(model.engine->submit(biased));
}

}  // namespace pennyweight::llm::test

// The fuzz target, on its corpus.
#define LLVMFuzzerTestOneInput fuzz_grammar
#include "tests/fuzz/grammar_fuzzer.cpp"

TEST_CASE("The grammar fuzzer's corpus, and each beginning of it, is survived") {
  int files = 0;
  const auto corpus = pennyweight::test::source_path("tests/fuzz/corpus/grammar");
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    const std::string bytes = pennyweight::test::read_file(entry.path());
    INFO(entry.path());
    for (std::size_t n = 0; n <= bytes.size(); ++n)
      CHECK(fuzz_grammar(reinterpret_cast<const std::uint8_t*>(bytes.data()), n) == 0);
    ++files;
  }
  CHECK(files > 2);
}
