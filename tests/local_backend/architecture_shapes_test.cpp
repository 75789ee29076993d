#include <algorithm>
#include <cmath>
#include <set>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/synthetic_model.h"
#include "tests/local_backend/model/engine_logits.h"
#include "tests/local_backend/tiny_models.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

using pennyweight::test::TempDir;

SyntheticSpec shape(const std::string& name) {
  const auto spec = parse_synthetic(name);
  INFO(name << (spec ? "" : ": " + spec.error().what));
  REQUIRE(spec);
  return *spec;
}

std::set<TensorType> types_of(const GgufFile& file) {
  std::set<TensorType> types;
  for (const TensorInfo& tensor : file.tensors()) types.insert(tensor.type);
  return types;
}

// Numbers, and not the same one everywhere.
void check_logits(const std::filesystem::path& path) {
  const auto logits = engine_logits(path, some_tokens(5, 512, 1));
  CHECK(std::ranges::all_of(logits, [](float x) { return std::isfinite(x); }));
  const auto [least, most] = std::ranges::minmax(logits);
  CHECK(most - least > 1);
}

}  // namespace

TEST_CASE("each architecture has a tiny shape whose rows are whole blocks of 256") {
  std::set<std::string> architectures, names;
  for (const SyntheticSpec& spec : architecture_shapes()) {
    architectures.insert(spec.architecture);
    names.insert(spec.name);
    CHECK(spec.random_vectors);
    CHECK(spec.embedding_length % 256 == 0);
    CHECK(spec.feed_forward_length % 256 == 0);
    CHECK(spec.expert_feed_forward_length % 256 == 0);
    CHECK(spec.heads * spec.head_length % 256 == 0);
  }
  CHECK(architectures.size() == synthetic_architectures().size());
  for (const std::string& name : architectures) CHECK(names.count("tiny-" + name) == 1);
  CHECK(names.size() == architectures.size() + 1);
  CHECK(shape("tiny-mixtral").experts == 8);
}

TEST_CASE("the tiny shape of each architecture is written, opened and run") {
  const TempDir dir;
  for (const SyntheticSpec& spec : architecture_shapes()) {
    INFO(spec.name);
    const GgufFile file = written(shape(spec.name), dir / "m.gguf");
    CHECK(file.text_value("general.architecture").value() == spec.architecture);
    check_logits(dir / "m.gguf");
    const auto quantized = synthetic_model(shape(spec.name + ":Q4_K_M"));
    REQUIRE(quantized);
    CHECK(types_of(*quantized).count(TensorType::q4_k) == 1);
    CHECK(types_of(*quantized).count(TensorType::q5_0) == 0);  // what small rows would take
  }
}

TEST_CASE("tiny-llama can be made of each type, and run") {
  const auto [name, type] =
      GENERATE(std::pair{"F32", TensorType::f32}, std::pair{"F16", TensorType::f16},
               std::pair{"BF16", TensorType::bf16}, std::pair{"Q4_0", TensorType::q4_0},
               std::pair{"Q4_1", TensorType::q4_1}, std::pair{"Q5_0", TensorType::q5_0},
               std::pair{"Q5_1", TensorType::q5_1}, std::pair{"Q8_0", TensorType::q8_0},
               std::pair{"Q2_K", TensorType::q2_k}, std::pair{"Q3_K", TensorType::q3_k},
               std::pair{"Q4_K", TensorType::q4_k}, std::pair{"Q5_K", TensorType::q5_k},
               std::pair{"Q6_K", TensorType::q6_k}, std::pair{"IQ4_NL", TensorType::iq4_nl},
               std::pair{"IQ4_XS", TensorType::iq4_xs}, std::pair{"MXFP4", TensorType::mxfp4});
  INFO(name);
  const TempDir dir;
  const GgufFile file = written(shape(std::string("tiny-llama:") + name), dir / "m.gguf");
  CHECK(file.tensor("blk.1.ffn_up.weight")->type == type);
  CHECK(file.tensor("blk.1.ffn_norm.weight")->type == TensorType::f32);
  check_logits(dir / "m.gguf");
}

TEST_CASE("a mixture of a tiny shape is what quantizing gives, MXFP4 alone is all matrices") {
  const TempDir dir;
  const GgufFile mixed = written(shape("tiny-llama:Q4_0"), dir / "mixed.gguf");
  CHECK(mixed.tensor("token_embd.weight")->type == TensorType::q4_0);
  CHECK(mixed.tensor("output.weight")->type == TensorType::q6_k);
  const GgufFile experts = written(shape("tiny-mixtral:mxfp4_moe"), dir / "experts.gguf");
  CHECK(experts.tensor("blk.0.ffn_up_exps.weight")->type == TensorType::mxfp4);
  CHECK(experts.tensor("output.weight")->type == TensorType::q8_0);
  const GgufFile all = written(shape("tiny-mixtral:mxfp4"), dir / "all.gguf");
  CHECK(types_of(all) == std::set{TensorType::f32, TensorType::mxfp4});
}

}  // namespace pennyweight::llm::test
