// The same bits whoever computes: for every architecture, with windows, caps, experts and K-quants.
#include <algorithm>
#include <string>

#include "local_backend/kernels/kernels.h"
#include "local_backend/synthetic_model.h"
#include "tests/local_backend/engine_runs.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

using pennyweight::test::TempDir;

std::vector<Token> prompt_of(std::size_t length, std::size_t seed) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < length; ++i)
    tokens.push_back(static_cast<Token>(260 + (i * i * 7 + i * 13 + seed * 31) % 240));
  return tokens;
}

std::filesystem::path written(const TempDir& dir, SyntheticSpec spec) {
  spec.mixture = Mixture::q4_k_m;
  REQUIRE(write_synthetic_model(spec, dir / "m.gguf"));
  return dir / "m.gguf";
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

}  // namespace

TEST_CASE("Every architecture gives the same bits for any instruction set and threads") {
  for (const SyntheticSpec& spec : architecture_shapes()) {
    const TempDir dir;
    const auto path = written(dir, spec);
    const auto tokens = prompt_of(spec.layers > 8 ? 40 : 150, 1);
    const auto expected = open(path, options_of(1, 0, "portable"))->logits(tokens);
    REQUIRE(expected);
    for (const char* name : {"avx2", "avx512"}) {
      if (kernels(name) == nullptr) continue;
      for (const int threads : {2, 4}) {
        INFO(spec.name << ' ' << name << ", threads " << threads);
        const auto found = open(path, options_of(threads, 0, name))->logits(tokens);
        REQUIRE(found);
        CHECK(same(*found, *expected));
      }
    }
  }
}

TEST_CASE("Every architecture answers five at once as each alone, and after a reused beginning") {
  for (const SyntheticSpec& spec : architecture_shapes()) {
    INFO(spec.name);
    const TempDir dir;
    const auto path = written(dir, spec);
    EngineOptions options = options_of(2);
    std::vector<Told> alone;
    for (std::size_t i = 0; i < 5; ++i) {
      const auto engine = open(path, options);
      alone.push_back(run(*engine, spec_of(prompt_of(70 + 9 * i, i / 2), 6)));
    }
    options.parallel = 5;
    options.reuse_prefix = true;
    const auto engine = open(path, options);
    for (int round = 0; round < 2; ++round) {  // the second finds what the first left
      EngineRecorder recorder;
      std::vector<SequenceId> ids;
      for (std::size_t i = 0; i < 5; ++i)
        ids.push_back(engine->submit(spec_of(prompt_of(70 + 9 * i, i / 2), 6)).value());
      while (engine->step(recorder)) continue;
      for (std::size_t i = 0; i < 5; ++i) {
        const Told& told = recorder.told.at(ids[i]);
        CHECK(told.tokens == alone[i].tokens);
        CHECK(told.logprobs == alone[i].logprobs);
        CHECK((round == 0 || told.cached >= 64));
      }
    }
  }
}

}  // namespace pennyweight::llm::test
