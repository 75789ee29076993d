#include "local_backend/synthetic_model.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/synthetic_tensors.h"
#include "local_backend/tokenizer.h"
#include "tests/local_backend/tiny_models.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;

std::vector<float> values_of(const GgufFile& file, std::string_view name) {
  const TensorInfo* tensor = file.tensor(name);
  REQUIRE(tensor != nullptr);
  std::vector<std::byte> bytes(tensor->bytes);
  REQUIRE(file.read_tensor(*tensor, bytes));
  std::vector<float> values(tensor->elements());
  REQUIRE(dequantize(tensor->type, bytes, values));
  return values;
}

double rms(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += static_cast<double>(v) * static_cast<double>(v);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

TEST_CASE("the same synthetic spec is the same bytes, another seed is not") {
  TempDir directory;
  SyntheticSpec spec = parse_synthetic("synth/tiny:q4_0").value();
  REQUIRE(write_synthetic_model(spec, directory / "a.gguf"));
  REQUIRE(write_synthetic_model(spec, directory / "b.gguf"));
  spec.seed = 2;
  REQUIRE(write_synthetic_model(spec, directory / "c.gguf"));
  CHECK(read_file(directory / "a.gguf") == read_file(directory / "b.gguf"));
  CHECK(read_file(directory / "a.gguf") != read_file(directory / "c.gguf"));
  CHECK(std::filesystem::file_size(directory / "a.gguf") < 1'000'000);
}

TEST_CASE("a model in memory holds the bytes that its file would") {
  TempDir directory;
  SyntheticSpec spec = parse_synthetic("tiny:q4_k_m").value();
  spec.embedding_length = 512;  // so that the embedding is put together from a pool
  spec.vocabulary_size = 8704;
  spec.layers = 1;
  REQUIRE(write_synthetic_model(spec, directory / "m.gguf"));
  const auto disk = GgufFile::open(directory / "m.gguf"), memory = synthetic_model(spec);
  REQUIRE(memory);
  CHECK(memory->file_size() == disk->file_size());
  CHECK(memory->paths().empty());
  REQUIRE(memory->tensors().size() == disk->tensors().size());
  std::vector<std::byte> expected, found;
  for (const TensorInfo& tensor : disk->tensors()) {
    INFO(tensor.name);
    for (const std::uint64_t first : {tensor.bytes / 3, std::uint64_t{0}}) {
      expected.resize(tensor.bytes - first);
      found.resize(tensor.bytes - first);
      REQUIRE(disk->read_tensor(tensor, first, expected));
      REQUIRE(memory->read_tensor(*memory->tensor(tensor.name), first, found));
      CHECK(expected == found);
    }
  }
  CHECK_FALSE(memory->read_tensor(memory->tensors()[0], 1, found));
}

TEST_CASE("a synthetic model has the tensors, shapes and spread of a llama model") {
  TempDir directory;
  const SyntheticSpec spec = parse_synthetic("tiny:f16").value();
  REQUIRE(write_synthetic_model(spec, directory / "m.gguf"));
  const auto file = GgufFile::open(directory / "m.gguf");
  REQUIRE(file);
  CHECK(file->tensors().size() == 3 + 2 * 9);
  CHECK(file->text_value("general.architecture").value() == "llama");
  CHECK(file->unsigned_value("llama.block_count").value() == 2u);
  const TensorInfo* down = file->tensor("blk.1.ffn_down.weight");
  REQUIRE(down != nullptr);
  CHECK(down->ne == std::vector<std::uint64_t>{352, 128});
  CHECK(down->type == TensorType::f16);
  CHECK(file->tensor("blk.0.attn_norm.weight")->type == TensorType::f32);
  CHECK(rms(values_of(*file, "blk.0.attn_norm.weight")) == 1);
  CHECK(rms(values_of(*file, "blk.0.attn_q.weight")) == Approx(1 / std::sqrt(128.0)).epsilon(0.03));
  CHECK(rms(values_of(*file, "blk.1.ffn_down.weight")) ==
        Approx(1 / std::sqrt(352.0 * 4)).epsilon(0.03));
}

GgufFile written(const SyntheticSpec& spec, const TempDir& directory) {
  return llm::test::written(spec, directory / "m.gguf");
}

std::vector<std::uint64_t> shape_of(const GgufFile& file, std::string_view name) {
  const TensorInfo* tensor = file.tensor(name);
  return tensor == nullptr ? std::vector<std::uint64_t>{} : tensor->ne;
}

using Shape = std::vector<std::uint64_t>;

TEST_CASE("there are tiny models of every architecture, and each can be written") {
  TempDir directory;
  std::set<std::string_view> architectures;
  for (const SyntheticSpec& spec : llm::test::tiny_models()) {
    const GgufFile file = written(spec, directory);
    CHECK(file.text_value("general.architecture").value() == spec.architecture);
    CHECK(file.unsigned_value(spec.architecture + ".embedding_length").value() ==
          static_cast<std::uint64_t>(spec.embedding_length));
    architectures.insert(spec.architecture);
  }
  CHECK(architectures.size() == synthetic_architectures().size());
}

TEST_CASE("a synthetic model has the tensors of its architecture") {
  using llm::test::tiny_model;
  TempDir directory;
  SECTION("experts are three-dimensional, their router is F32") {
    const GgufFile file =
        written(llm::test::with_type(tiny_model("qwen3moe"), TensorType::q8_0), directory);
    CHECK(shape_of(file, "blk.1.ffn_gate_exps.weight") == Shape{64, 32, 4});
    CHECK(shape_of(file, "blk.1.ffn_down_exps.weight") == Shape{32, 64, 4});
    CHECK(shape_of(file, "blk.1.attn_q_norm.weight") == Shape{24});
    REQUIRE(shape_of(file, "blk.1.ffn_gate_inp.weight") == Shape{64, 4});
    CHECK(file.tensor("blk.1.ffn_gate_inp.weight")->type == TensorType::f32);
    CHECK(file.tensor("blk.1.ffn_up_exps.weight")->type == TensorType::q8_0);
    CHECK(file.tensor("blk.1.ffn_up.weight") == nullptr);
    CHECK(file.unsigned_value("qwen3moe.expert_used_count").value() == 2u);
  }
  SECTION("exaone4 has no norms before its branches, and layers that engines skip") {
    const GgufFile file = written(tiny_model("exaone4", "layer that predicts further"), directory);
    CHECK(file.tensor("blk.0.attn_norm.weight") == nullptr);
    CHECK(shape_of(file, "blk.0.post_ffw_norm.weight") == Shape{64});
    CHECK(file.unsigned_value("exaone4.block_count").value() == 3u);
    CHECK(shape_of(file, "blk.2.nextn.eh_proj.weight") == Shape{128, 64});
    CHECK(file.tensor("blk.1.nextn.eh_proj.weight") == nullptr);
  }
  SECTION("phi3 holds q, k and v in one tensor, and the gate with ffn_up") {
    const GgufFile file = written(tiny_model("phi3", "long factors"), directory);
    CHECK(shape_of(file, "blk.0.attn_qkv.weight") == Shape{64, 128});
    CHECK(shape_of(file, "blk.0.ffn_up.weight") == Shape{64, 192});
    CHECK(file.tensor("blk.0.ffn_gate.weight") == nullptr);
    CHECK(file.unsigned_value("phi3.rope.dimension_count").value() == 12u);
    CHECK(values_of(file, "rope_factors_long.weight").at(0) == 1.5f);
  }
  SECTION("norms and biases are random where asked") {
    const auto biases = values_of(written(tiny_model("qwen2"), directory), "blk.0.attn_k.bias");
    CHECK(biases.size() == 32);
    CHECK(*std::ranges::min_element(biases) < -0.2f);
    CHECK(*std::ranges::max_element(biases) > 0.2f);
    const auto norm = values_of(written(tiny_model("gemma"), directory), "output_norm.weight");
    CHECK(*std::ranges::min_element(norm) < 0.7f);
    CHECK(*std::ranges::max_element(norm) > 1.3f);
    SyntheticSpec plain = tiny_model("qwen2");
    plain.random_vectors = false;
    CHECK(rms(values_of(written(plain, directory), "blk.0.attn_k.bias")) == 0);
  }
}

TEST_CASE("the head of a model with a margin points from each token to one word") {
  TempDir directory;
  SyntheticSpec spec = parse_synthetic("tiny:f32").value();
  spec.margin = 8;
  REQUIRE(write_synthetic_model(spec, directory / "m.gguf"));
  const auto file = GgufFile::open(directory / "m.gguf");
  REQUIRE(file);
  const auto tokenizer = Tokenizer::load(*file);
  REQUIRE(tokenizer);
  const auto embedding = values_of(*file, "token_embd.weight");
  const auto head = values_of(*file, "output.weight");
  const std::size_t width = 128, words = 512;
  const auto best_after = [&](std::size_t t) {
    std::size_t best = 0;
    double highest = -1e9;
    for (std::size_t r = 0; r < words; ++r) {
      double logit = 0;
      for (std::size_t i = 0; i < width; ++i) {
        logit += static_cast<double>(embedding[t * width + i] * head[r * width + i]);
      }
      if (logit > highest) highest = logit, best = r;
    }
    return best;
  };
  std::set<std::size_t> cycle;
  std::size_t word = 1;  // <s>
  for (;;) {
    word = best_after(word);
    CHECK(!tokenizer->piece(static_cast<Token>(word)).empty());
    if (!cycle.insert(word).second) break;
  }
  CHECK(cycle.size() == words - 261);  // every word: not the specials, not the bytes
}

TEST_CASE("synthetic names are parsed, misspelt ones get a suggestion") {
  CHECK(parse_synthetic("synth/small:q4_0").value().type == TensorType::q4_0);
  CHECK(parse_synthetic("medium:F16").value().layers == 5);
  CHECK(parse_synthetic("tiny").value().type == TensorType::f16);
  CHECK(parse_synthetic("smal:f16").error().fix == "did you mean \"small\"?");
  CHECK(parse_synthetic("tiny:q8_1").error().fix == "use one of " + synthetic_type_names());
  CHECK(!parse_synthetic(""));
  CHECK(!parse_synthetic("tiny:"));
}

TEST_CASE("published shapes are known by name, in any case, and hold a mixture of types") {
  const SyntheticSpec spec = parse_synthetic("synth/Llama-3.2-1B:q4_k_m").value();
  CHECK(spec.mixture == Mixture::q4_k_m);
  CHECK(spec.architecture == "llama");
  CHECK(spec.tied_output);
  REQUIRE(spec.vectors.size() == 1);
  const std::vector<float>& divisors = spec.vectors[0].second;
  CHECK(divisors.size() == 32);
  CHECK(divisors.front() == 1);
  CHECK(divisors.back() == 32);
  CHECK(parse_synthetic("llama-3.2-1c:q4_k_m").error().fix == "did you mean \"llama-3.2-1b\"?");
  CHECK(parse_synthetic("tiny:q4_0").value().mixture == std::nullopt);
  CHECK(parse_synthetic("gemma-2-2b:q4_0").value().mixture == Mixture::q4_0);
}

// As the published configurations say in all, to the parameter.
TEST_CASE("published shapes have the parameters of their models") {
  const auto [name, parameters] = GENERATE(
      std::pair{"llama-3.2-1b", std::int64_t{1'235'814'400}},
      std::pair{"qwen2.5-0.5b", 494'032'768}, std::pair{"qwen3-0.6b", 596'049'920},
      std::pair{"smollm2-135m", 134'515'008}, std::pair{"smollm3-3b", std::int64_t{3'075'098'624}},
      std::pair{"gemma-3-1b", 999'885'952},
      std::pair{"phi-3-mini-4k", std::int64_t{3'821'079'552}});
  std::int64_t sum = 0;
  for (const SyntheticTensor& tensor : synthetic_tensors(parse_synthetic(name).value())) {
    if (tensor.kind == SyntheticTensor::Kind::given) continue;
    std::int64_t elements = 1;
    for (const std::uint64_t n : tensor.ne) elements *= static_cast<std::int64_t>(n);
    sum += elements;
  }
  INFO(name);
  CHECK(sum == parameters);
}

TEST_CASE("a mixture gives each tensor the type that a quantized file has, small rows too") {
  TempDir directory;
  SyntheticSpec spec;
  spec.mixture = Mixture::q4_k_m;
  SECTION("rows of whole blocks") {
    spec.embedding_length = 256, spec.feed_forward_length = 512, spec.layers = 8;
    const GgufFile file = written(spec, directory);
    CHECK(file.tensor("token_embd.weight")->type == TensorType::q4_k);
    CHECK(file.tensor("output.weight")->type == TensorType::q6_k);
    CHECK(file.tensor("blk.0.ffn_down.weight")->type == TensorType::q6_k);
    CHECK(file.tensor("blk.2.ffn_down.weight")->type == TensorType::q4_k);
    CHECK(file.tensor("blk.0.attn_norm.weight")->type == TensorType::f32);
    CHECK(file.unsigned_value("general.file_type").value() == 15u);
  }
  SECTION("rows of 96") {
    spec.embedding_length = 96, spec.feed_forward_length = 160;
    const GgufFile file = written(spec, directory);
    CHECK(file.tensor("blk.0.attn_q.weight")->type == TensorType::q5_0);
    CHECK(file.tensor("output.weight")->type == TensorType::q8_0);
  }
}

TEST_CASE("large tensors are put together from a pool of blocks and have its spread") {
  TempDir directory;
  SyntheticSpec spec;
  spec.embedding_length = 1024, spec.vocabulary_size = 4096 + 32, spec.layers = 1;
  spec.type = TensorType::q8_0;
  const GgufFile file = written(spec, directory);
  const std::string once = read_file(directory / "m.gguf");
  const auto values = values_of(file, "token_embd.weight");
  CHECK(rms(values) == Approx(1 / std::sqrt(1024.0)).epsilon(0.01));
  const auto page = [&](std::size_t i) {
    return std::vector<float>(values.begin() + static_cast<std::ptrdiff_t>(i * 4096),
                              values.begin() + static_cast<std::ptrdiff_t>((i + 1) * 4096));
  };
  std::set<std::vector<float>> pages;
  for (std::size_t i = 0; i < 1000; ++i) pages.insert(page(i));
  CHECK(pages.size() > 950);  // a run may come twice
  CHECK(file.tensor("output.weight")->bytes == file.tensor("token_embd.weight")->bytes);
  CHECK(values_of(file, "output.weight") != values);
  REQUIRE(write_synthetic_model(spec, directory / "m.gguf"));
  CHECK(read_file(directory / "m.gguf") == once);
}

TEST_CASE("a synthetic spec that is no possible model is refused") {
  TempDir directory;
  const auto refused = [&](auto change) {
    SyntheticSpec spec;
    change(spec);
    return !write_synthetic_model(spec, directory / "x.gguf") &&
           std::filesystem::is_empty(directory.path());
  };
  CHECK(refused([](SyntheticSpec& s) { s.layers = 0; }));
  CHECK(refused([](SyntheticSpec& s) { s.embedding_length = 100; }));
  CHECK(refused([](SyntheticSpec& s) { s.feed_forward_length = -32; }));
  CHECK(refused([](SyntheticSpec& s) { s.heads = 0; }));
  CHECK(refused([](SyntheticSpec& s) { s.heads = 3; }));
  CHECK(refused([](SyntheticSpec& s) { s.kv_heads = 3; }));
  CHECK(refused([](SyntheticSpec& s) { s.vocabulary_size = 299; }));
  CHECK(refused([](SyntheticSpec& s) { s.type = TensorType::q6_k; }));
  CHECK(refused([](SyntheticSpec& s) { s.rope_freq_base = 0; }));
  CHECK(refused([](SyntheticSpec& s) { s.architecture = "mamba"; }));
  CHECK(refused([](SyntheticSpec& s) { s.architecture = "gemma"; }));  // a head of its own
  CHECK(refused([](SyntheticSpec& s) { s.architecture = "phimoe", s.tied_output = true; }));
  CHECK(refused([](SyntheticSpec& s) { s.architecture = "qwen2", s.head_length = 64; }));
  CHECK(refused([](SyntheticSpec& s) { s.head_length = 7; }));
  CHECK(refused([](SyntheticSpec& s) { s.experts = 4; }));
  CHECK(refused([](SyntheticSpec& s) { s.experts = 4, s.experts_used = 5; }));
  CHECK(refused([](SyntheticSpec& s) { s.ignored_layers = -1; }));
  CHECK(refused([](SyntheticSpec& s) { s.margin = -1; }));
  CHECK(refused([](SyntheticSpec& s) { s.margin = 8, s.tied_output = true; }));
}

}  // namespace
}  // namespace pennyweight::test
