#include "local_backend/model_facts.h"

#include <set>

#include "local_backend/model/model_weights.h"
#include "local_backend/model_source.h"
#include "local_backend/synthetic_model.h"
#include "tests/local_backend/edited_model.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

using pennyweight::test::TempDir;

TEST_CASE("What a file's header says is what the opened engine says") {
  const auto facts = read_model_facts("synth/small:q4_k_m");
  REQUIRE(facts);
  CHECK_FALSE(facts->refusal);
  EngineOptions options;
  options.threads = 1;
  const auto engine = Engine::open("synth/small:q4_k_m", options);
  REQUIRE(engine);
  const ModelInfo& opened = (*engine)->info();
  CHECK(facts->info.parameters == opened.parameters);
  CHECK(facts->info.weight_bytes == opened.weight_bytes);
  CHECK(facts->info.kv_bytes_per_token == opened.kv_bytes_per_token);
  CHECK(facts->info.chat_template_sha256 == opened.chat_template_sha256);
  CHECK(facts->info.quantization == "mixed");
  CHECK(facts->tokenizer == (*engine)->tokenizer().description());

  std::uint64_t parameters = 0, bytes = 0;
  for (const TypeShare& share : facts->types) {
    parameters += share.parameters;
    bytes += share.bytes;
  }
  CHECK(parameters == opened.parameters);
  CHECK(facts->types.front().type == "Q4_K");
  CHECK(facts->bits_per_weight ==
        Approx(8.0 * static_cast<double>(bytes) / static_cast<double>(parameters)));
  CHECK(facts->memory(4096) == facts->packed_bytes + 4096 * facts->info.kv_bytes_per_token);
  CHECK(facts->memory(1) == facts->memory(64));  // keys and values come in blocks
}

TEST_CASE("The hash of a model in memory changes with its metadata and with its weights") {
  std::set<std::string> hashes;
  for (const char* model : {"synth/tiny:q4_0", "synth/tiny:q8_0", "synth/small:q4_0",
                            "synth/phi-3-mini-4k:q4_0", "synth/phi-3-mini-128k:q4_0"}) {
    const auto hash = model_sha256(model);
    REQUIRE(hash);
    hashes.insert(*hash);
  }
  CHECK(hashes.size() == 5);
}

TEST_CASE("A model that does not run still tells what it is, and why not") {
  const TempDir directory;
  SyntheticSpec spec = parse_synthetic("tiny:q8_0").value();
  REQUIRE(write_synthetic_model(spec, directory / "m.gguf"));
  edit_model(directory / "m.gguf", directory / "other.gguf",
             {{{"general.architecture", std::string("mamba")}}, {}, {}, {}});
  const auto facts = read_model_facts(directory / "other.gguf");
  REQUIRE(facts);
  REQUIRE(facts->refusal);
  CHECK(facts->refusal->what.find("mamba") != std::string::npos);
  CHECK(facts->info.architecture == "mamba");
  CHECK(facts->types.front().type == "Q8_0");
  CHECK(facts->info.parameters > 100'000);
  CHECK(facts->memory(4096) == 0);
  CHECK_FALSE(facts->tokenizer.empty());
  CHECK_FALSE(read_model_facts(directory / "missing.gguf"));
}

}  // namespace
}  // namespace pennyweight::llm::test
