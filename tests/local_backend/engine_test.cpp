#include "local_backend/engine.h"

#include <algorithm>
#include <cmath>

#include "local_backend/synthetic_model.h"
#include "tests/local_backend/edited_model.h"
#include "tests/local_backend/engine_runs.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {

using pennyweight::test::TempDir;

TEST_CASE("A sequence gets its prefill, exactly max_tokens tokens and one end") {
  const TempDir dir;
  REQUIRE(write_synthetic_model(small(), dir / "m.gguf"));
  const auto engine = open(dir / "m.gguf");
  const auto prompt = tokens_of(*engine, kPrompt);
  const Told told = run(*engine, spec_of(prompt, 9));
  CHECK(told.prefill == static_cast<int>(prompt.size()));
  CHECK(told.cached == 0);
  CHECK(told.tokens.size() == 9);
  CHECK(told.reason == FinishReason::length);
  std::string text;
  for (Token token : told.tokens) text += engine->tokenizer().piece(token);
  CHECK(told.text == text);
  for (float logprob : told.logprobs) CHECK(logprob <= 0);
}

TEST_CASE("Generated tokens are the largest of the teacher-forced logits, for every setting") {
  const TempDir dir;
  for (const TensorType type : {TensorType::f16, TensorType::q8_0, TensorType::q4_0}) {
    SyntheticSpec spec = small();
    spec.type = type;
    spec.margin = 0;
    REQUIRE(write_synthetic_model(spec, dir / "m.gguf"));
    std::vector<Token> first;
    for (const EngineOptions& options :
         {options_of(1, 0, "portable"), options_of(2), options_of(4)}) {
      const auto engine = open(dir / "m.gguf", options);
      const auto prompt = tokens_of(*engine, kPrompt + kPrompt + kPrompt);
      const Told told = run(*engine, spec_of(prompt, 12));
      if (first.empty()) first = told.tokens;
      CHECK(told.tokens == first);
      std::vector<Token> all = prompt;
      all.insert(all.end(), told.tokens.begin(), told.tokens.end());
      const auto logits = engine->logits(all);
      REQUIRE(logits);
      const auto size = static_cast<std::size_t>(engine->info().vocabulary_size);
      REQUIRE(logits->size() == all.size() * size);
      for (std::size_t i = prompt.size(); i < all.size(); ++i) {
        const auto row = logits->begin() + static_cast<std::ptrdiff_t>((i - 1) * size);
        const auto best = std::max_element(row, row + static_cast<std::ptrdiff_t>(size));
        CHECK(best - row == all[i]);
      }
    }
  }
}

TEST_CASE("Sequences side by side, or in turn, give what each gives alone") {
  const TempDir dir;
  SyntheticSpec flat = small();
  flat.margin = 0;
  REQUIRE(write_synthetic_model(flat, dir / "m.gguf"));
  for (const int parallel : {1, 2, 8}) {
    EngineOptions options = options_of(2);
    options.parallel = parallel;
    const auto engine = open(dir / "m.gguf", options);
    std::vector<SequenceSpec> specs;
    for (int i = 0; i < 6; ++i) {
      std::string text;
      for (int k = 0; k <= i; ++k) text += kPrompt;
      specs.push_back(spec_of(tokens_of(*engine, text), 20 - 3 * i));
      if (i % 2 == 1) specs.back().sampling = {.temperature = 1, .seed = 7};
    }
    std::vector<Told> alone;
    for (const SequenceSpec& spec : specs) alone.push_back(run(*engine, spec));
    EngineRecorder recorder;
    std::vector<SequenceId> ids;
    for (const SequenceSpec& spec : specs) ids.push_back(*engine->submit(spec));
    REQUIRE(engine->step(recorder));
    REQUIRE(engine->logits(specs[0].prompt));  // does not disturb them
    while (engine->step(recorder)) continue;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      INFO("parallel " << parallel << " sequence " << i);
      CHECK(recorder.told[ids[i]].tokens == alone[i].tokens);
      CHECK(recorder.told[ids[i]].logprobs == alone[i].logprobs);
      CHECK(recorder.told[ids[i]].text == alone[i].text);
    }
    if (parallel == 1) CHECK(recorder.order == ids);
    if (parallel == 8) CHECK(recorder.order != ids);  // the short ones did not wait for the long
    CHECK_FALSE(engine->step(recorder));
  }
}

TEST_CASE("A reused beginning is reported and changes no bit, and without it nothing is reused") {
  const TempDir dir;
  SyntheticSpec flat = small();
  flat.margin = 0;
  REQUIRE(write_synthetic_model(flat, dir / "m.gguf"));
  const auto cold = open(dir / "m.gguf", options_of(1));
  EngineOptions options = options_of(1);
  options.reuse_prefix = true;
  const auto warm = open(dir / "m.gguf", options);
  std::string text;
  for (int i = 0; i < 6; ++i) text += kPrompt;
  const auto prompt = tokens_of(*cold, text);
  REQUIRE(prompt.size() > 128);
  const Told first = run(*warm, spec_of(prompt, 80)), again = run(*warm, spec_of(prompt, 80));
  const Told plain = run(*cold, spec_of(prompt, 80));
  CHECK(first.cached == 0);
  CHECK(again.cached == static_cast<int>((prompt.size() - 1) / 64 * 64));
  CHECK(run(*cold, spec_of(prompt, 80)).cached == 0);
  CHECK(first.tokens == plain.tokens);
  CHECK(again.tokens == plain.tokens);
  CHECK(again.logprobs == plain.logprobs);
  // The next turn of a conversation finds the answer too.
  auto next = prompt;
  next.insert(next.end(), plain.tokens.begin(), plain.tokens.end());
  const Told turn = run(*warm, spec_of(next, 10));
  CHECK(turn.cached == static_cast<int>((next.size() - 1) / 64 * 64));
  CHECK(turn.logprobs == run(*cold, spec_of(next, 10)).logprobs);
  // Far more prompts than the cache holds: the oldest make room.
  for (int i = 0; i < 60; ++i) {
    auto other = prompt;
    other[static_cast<std::size_t>(i) % 60] = 300 + i % 100;
    CHECK(run(*warm, spec_of(other, 3)).reason == FinishReason::length);
  }
  CHECK(run(*warm, spec_of(prompt, 80)).logprobs == plain.logprobs);
}

TEST_CASE("A forced answer is told token by token with the logprobs of teacher forcing") {
  const TempDir dir;
  SyntheticSpec flat = small();
  flat.margin = 0;
  REQUIRE(write_synthetic_model(flat, dir / "m.gguf"));
  const auto engine = open(dir / "m.gguf");
  const auto prompt = tokens_of(*engine, kPrompt);
  SequenceSpec spec = spec_of(prompt, 0);
  spec.forced = tokens_of(*engine, kPrompt + kPrompt + kPrompt);
  spec.top = 3;
  const Told told = run(*engine, spec);
  CHECK(told.tokens == spec.forced);
  CHECK(told.reason == FinishReason::length);
  REQUIRE(told.top.size() == 3 * spec.forced.size());
  auto all = prompt;
  all.insert(all.end(), spec.forced.begin(), spec.forced.end());
  const auto logits = engine->logits(all);
  REQUIRE(logits);
  const auto size = static_cast<std::size_t>(engine->info().vocabulary_size);
  for (std::size_t i = 0; i < spec.forced.size(); ++i) {
    const std::span row = std::span(*logits).subspan((prompt.size() + i - 1) * size, size);
    CHECK(told.logprobs[i] == log_probability(row, spec.forced[i]));
    CHECK(told.top[3 * i] == std::ranges::max_element(row) - row.begin());
  }
  // What it answers by itself, forced, has the same logprobs.
  const Told free = run(*engine, spec_of(prompt, 30));
  spec.forced = free.tokens;
  CHECK(run(*engine, spec).logprobs == free.logprobs);
}

TEST_CASE("Sampling with a seed repeats, and another seed differs") {
  const TempDir dir;
  SyntheticSpec flat = small();
  flat.margin = 0;
  REQUIRE(write_synthetic_model(flat, dir / "m.gguf"));
  const auto engine = open(dir / "m.gguf");
  SequenceSpec spec = spec_of(tokens_of(*engine, kPrompt), 20);
  spec.sampling.temperature = 1;
  spec.sampling.seed = 1;
  const Told one = run(*engine, spec), again = run(*engine, spec);
  spec.sampling.seed = 2;
  const Told other = run(*engine, spec);
  CHECK(one.tokens == again.tokens);
  CHECK(one.tokens != other.tokens);
}

TEST_CASE("A running and a waiting sequence can be cancelled, and unknown ids are ignored") {
  const TempDir dir;
  REQUIRE(write_synthetic_model(small(), dir / "m.gguf"));
  EngineOptions one_at_a_time = options_of(1);
  one_at_a_time.parallel = 1;
  const auto engine = open(dir / "m.gguf", one_at_a_time);
  const auto prompt = tokens_of(*engine, kPrompt);
  const auto running = engine->submit(spec_of(prompt, 100));
  const auto waiting = engine->submit(spec_of(prompt, 100));
  const auto last = engine->submit(spec_of(prompt, 3));
  REQUIRE(last);
  EngineRecorder recorder;
  recorder.when_token = [&](SequenceId id) {
    if (id == *running && recorder.told[id].tokens.size() == 2) {
      engine->cancel(*waiting);
      engine->cancel(*running);
      engine->cancel(12345);
    }
  };
  while (engine->step(recorder)) continue;
  CHECK(recorder.told[*running].reason == FinishReason::cancelled);
  CHECK(recorder.told[*running].tokens.size() == 2);
  CHECK(recorder.told[*waiting].reason == FinishReason::cancelled);
  CHECK(recorder.told[*waiting].tokens.empty());
  CHECK(recorder.told[*last].reason == FinishReason::length);
  for (const auto& [id, told] : recorder.told) CHECK(told.finished == 1);
  engine->cancel(*running);  // gone already
}

TEST_CASE("An answer ends before its stop string, which is never shown") {
  const TempDir dir;
  REQUIRE(write_synthetic_model(small(), dir / "m.gguf"));
  const auto engine = open(dir / "m.gguf");
  SequenceSpec spec = spec_of(tokens_of(*engine, kPrompt), 40);
  const Told whole = run(*engine, spec);
  REQUIRE(whole.text.size() > 12);
  const std::string stop = whole.text.substr(8, 3);
  spec.stop = {stop};
  const Told stopped = run(*engine, spec);
  CHECK(stopped.reason == FinishReason::stop);
  CHECK(stopped.text == whole.text.substr(0, whole.text.find(stop)));
  CHECK(stopped.tokens.size() < whole.tokens.size());
}

TEST_CASE("The end-of-sequence token ends an answer, is counted, and has no text") {
  const TempDir dir;
  REQUIRE(write_synthetic_model(small(), dir / "plain.gguf"));
  const auto plain = open(dir / "plain.gguf");
  const auto prompt = tokens_of(*plain, kPrompt);
  const Told whole = run(*plain, spec_of(prompt, 10));
  // The same weights, with the fifth token that they answer declared the end.
  const auto eos = static_cast<std::uint64_t>(whole.tokens[4]);
  ModelEdit edit;
  edit.set = {{"tokenizer.ggml.eos_token_id", eos}};
  edit_model(dir / "plain.gguf", dir / "m.gguf", edit);
  const auto engine = open(dir / "m.gguf");
  SequenceSpec spec = spec_of(prompt, 10);
  spec.ignore_eos = false;
  const Told told = run(*engine, spec);
  const auto end = std::find(whole.tokens.begin(), whole.tokens.end(), whole.tokens[4]) + 1;
  CHECK(told.tokens == std::vector<Token>(whole.tokens.begin(), end));
  CHECK(told.reason == FinishReason::stop);
  CHECK(whole.text.starts_with(told.text));
  spec.ignore_eos = true;
  CHECK(run(*engine, spec).tokens == whole.tokens);
}

TEST_CASE("A sequence that cannot run is refused when it is submitted") {
  const TempDir dir;
  REQUIRE(write_synthetic_model(small(), dir / "m.gguf"));
  const auto engine = open(dir / "m.gguf", {1, 64});
  REQUIRE(engine->submit(spec_of(std::vector<Token>(60, 5), 4)));
  for (const SequenceSpec& bad :
       {spec_of({}, 4), spec_of({5}, 0), spec_of({5}, -1), spec_of({-1}, 4), spec_of({512}, 4),
        spec_of(std::vector<Token>(60, 5), 5), spec_of({5}, 64)}) {
    const auto id = engine->submit(bad);
    REQUIRE_FALSE(id);
    CHECK_FALSE(id.error().fix.empty());
  }
  SequenceSpec empty_stop = spec_of({5}, 4);
  empty_stop.stop = {""};
  CHECK_FALSE(engine->submit(empty_stop));
  const auto too_long = engine->encode(std::vector<Token>(64, 5));
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().what.find("64 tokens") != std::string::npos);
}

}  // namespace pennyweight::llm::test
