// Opening models, and what cannot be opened.
#include <algorithm>
#include <cmath>

#include "local_backend/engine.h"
#include "local_backend/synthetic_model.h"
#include "tests/local_backend/edited_model.h"
#include "tests/local_backend/engine_runs.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {

using pennyweight::test::TempDir;

TEST_CASE("Weights that overflow end the answer with an error, and NaN in a norm is refused") {
  const TempDir dir;
  REQUIRE(write_synthetic_model(small(), dir / "good.gguf"));
  ModelEdit edit;
  edit.without = {"output_norm.weight"};
  edit.add = {{"output_norm.weight", std::vector<float>(64, 3e38f)}};
  edit_model(dir / "good.gguf", dir / "m.gguf", edit);
  const auto engine = open(dir / "m.gguf");
  const Told told = run(*engine, spec_of({5, 6}, 4));
  CHECK(told.reason == FinishReason::error);
  CHECK(told.tokens.empty());
  CHECK(told.error.find("not numbers") != std::string::npos);
  edit.add = {{"output_norm.weight", std::vector<float>(64, std::nanf(""))}};
  edit_model(dir / "good.gguf", dir / "nan.gguf", edit);
  const auto refused = Engine::open(dir / "nan.gguf", options_of(1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("output_norm.weight holds NaN") != std::string::npos);
}

TEST_CASE("What a model is and takes is told as opened") {
  const TempDir dir;
  SyntheticSpec spec = small();
  spec.type = TensorType::q4_0;
  spec.context_length = 8192;
  REQUIRE(write_synthetic_model(spec, dir / "m.gguf"));
  const auto engine = open(dir / "m.gguf", options_of(2, 0, "portable"));
  const ModelInfo& info = engine->info();
  CHECK(info.architecture == "llama");
  CHECK(info.quantization == "Q4_0");
  CHECK(info.file_bytes == std::filesystem::file_size(dir / "m.gguf"));
  CHECK(info.layers == spec.layers);
  CHECK(info.vocabulary_size == spec.vocabulary_size);
  CHECK(info.context_limit == 8192);
  CHECK(info.context_tokens == 4096);
  CHECK(info.threads == 2);
  CHECK(info.kernels == "portable");
  CHECK(info.kv_bytes_per_token == 2 * 2 * 2 * 2 * 16);
  CHECK(info.chat_template_sha256.size() == 64);
  CHECK(open(dir / "m.gguf", {1, 100})->info().context_tokens == 100);
}

TEST_CASE("Options that this machine or model cannot give are refused") {
  const TempDir dir;
  SyntheticSpec spec = small();
  spec.context_length = 16 << 20;
  REQUIRE(write_synthetic_model(spec, dir / "m.gguf"));
  const auto refusal = [&](const EngineOptions& options) {
    const auto engine = Engine::open(dir / "m.gguf", options);
    REQUIRE_FALSE(engine);
    CHECK_FALSE(engine.error().fix.empty());
    return engine.error().what + " " + engine.error().why;
  };
  CHECK(refusal(options_of(1, 0, "sse9")).find("portable") != std::string::npos);
  CHECK(refusal({-1, 0}).find("-1 threads") != std::string::npos);
  CHECK(refusal({1, (16 << 20) + 1}).find("16777216") != std::string::npos);
  CHECK(refusal({1, -5}).find("-5") != std::string::npos);
  spec.layers = 64;
  spec.heads = spec.kv_heads = 32;  // a cache of more than a terabyte
  REQUIRE(write_synthetic_model(spec, dir / "m.gguf"));
  CHECK(refusal({1, 16 << 20}).find("MiB of memory") != std::string::npos);
}

TEST_CASE("Files that are no model are refused by path") {
  const TempDir dir;
  CHECK_FALSE(Engine::open(dir / "missing.gguf", {}));
  pennyweight::test::write_file(dir / "text.gguf", "no model");
  const auto text = Engine::open(dir / "text.gguf", {});
  REQUIRE_FALSE(text);
  CHECK(text.error().what.find("text.gguf") != std::string::npos);
  REQUIRE(write_synthetic_model(small(), dir / "good.gguf"));
  ModelEdit edit;
  edit.set = {{"general.architecture", std::string("mamba")}};
  edit_model(dir / "good.gguf", dir / "mamba.gguf", edit);
  const auto mamba = Engine::open(dir / "mamba.gguf", {});
  REQUIRE_FALSE(mamba);
  CHECK(mamba.error().what.find("mamba.gguf") != std::string::npos);
}

}  // namespace pennyweight::llm::test
