#include "local_backend/synthetic_model.h"

#include <cmath>
#include <set>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/tokenizer.h"
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
  CHECK(parse_synthetic("tiny:q8_1").error().fix == "use one of " + supported_types());
  CHECK(!parse_synthetic(""));
  CHECK(!parse_synthetic("tiny:"));
}

TEST_CASE("a synthetic spec that is no llama model is refused") {
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
  CHECK(refused([](SyntheticSpec& s) { s.margin = -1; }));
  CHECK(refused([](SyntheticSpec& s) { s.margin = 8, s.tied_output = true; }));
}

}  // namespace
}  // namespace pennyweight::test
