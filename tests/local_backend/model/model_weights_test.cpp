#include "local_backend/model/model_weights.h"

#include <cstring>

#include "local_backend/model/kv_cache.h"
#include "local_backend/model/packed_matrix.h"
#include "local_backend/synthetic_model.h"
#include "tests/local_backend/edited_model.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

using pennyweight::test::TempDir;

SyntheticSpec small() {
  SyntheticSpec spec;
  spec.embedding_length = 64;
  spec.feed_forward_length = 96;
  spec.vocabulary_size = 301;
  return spec;
}

Result<ModelWeights> load(const std::filesystem::path& path, int threads = 1) {
  const auto file = GgufFile::open(path);
  if (!file) return fail(file.error());
  const auto config = read_model_config(*file);
  if (!config) return fail(config.error());
  ThreadTeam team(threads);
  return load_weights(*file, *config, 4096, team);
}

WeightSizes sizes_of(const std::filesystem::path& path) {
  const auto file = GgufFile::open(path);
  REQUIRE(file);
  const auto sizes = measure_weights(*file, read_model_config(*file).value());
  REQUIRE(sizes);
  return *sizes;
}

Error error_after(const ModelEdit& edit) {
  const TempDir dir;
  REQUIRE(write_synthetic_model(small(), dir / "good.gguf"));
  edit_model(dir / "good.gguf", dir / "bad.gguf", edit);
  const auto weights = load(dir / "bad.gguf");
  REQUIRE_FALSE(weights);
  CHECK_FALSE(weights.error().why.empty());
  CHECK_FALSE(weights.error().fix.empty());
  return weights.error();
}

GgufValue number(std::uint64_t n) {
  return n;
}

ModelEdit with(std::string key, GgufValue value) {
  ModelEdit edit;
  edit.set = {{std::move(key), std::move(value)}};
  return edit;
}

bool says(const std::string& text, const std::string& part) {
  INFO(text);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

}  // namespace

TEST_CASE("Loading keeps every weight, whoever packs it") {
  const TempDir dir;
  for (const TensorType type :
       {TensorType::f32, TensorType::f16, TensorType::q8_0, TensorType::q4_0}) {
    SyntheticSpec spec = small();
    spec.type = type;
    REQUIRE(write_synthetic_model(spec, dir / "m.gguf"));
    const auto file = GgufFile::open(dir / "m.gguf");
    REQUIRE(file);
    const TensorInfo& tensor = *file->tensor("token_embd.weight");
    std::vector<std::byte> bytes(tensor.bytes);
    REQUIRE(file->read_tensor(tensor, bytes));
    std::vector<float> expected(tensor.elements()), row(tensor.ne[0]);
    REQUIRE(dequantize(tensor.type, bytes, expected));
    CHECK(sizes_of(dir / "m.gguf").quantization == block_format(type)->name);
    for (const int threads : {1, 3}) {
      const auto weights = load(dir / "m.gguf", threads);
      REQUIRE(weights);
      for (std::size_t r = 0; r < tensor.ne[1]; ++r) {
        unpack_row(weights->embedding, r, row);
        REQUIRE(std::memcmp(row.data(), &expected[r * row.size()], row.size() * 4) == 0);
      }
    }
  }
}

TEST_CASE("Sizes are those of what is read") {
  const TempDir dir;
  SyntheticSpec spec = small();
  spec.vocabulary_size = 320;
  REQUIRE(write_synthetic_model(spec, dir / "m.gguf"));
  const WeightSizes sizes = sizes_of(dir / "m.gguf");
  const std::uint64_t kv = 64 / 4 * 2;
  const std::uint64_t layer = 64 * 64 * 2 + 64 * kv * 2 + 3 * 64 * 96;
  const std::uint64_t norms = 5 * 64;
  CHECK(sizes.parameters == 2 * layer + norms + 2 * 320 * 64);
  CHECK(sizes.bytes_per_token == (2 * layer + 320 * 64) * 2 + norms * 4);
  spec.tied_output = true;
  REQUIRE(write_synthetic_model(spec, dir / "tied.gguf"));
  const auto tied = load(dir / "tied.gguf");
  REQUIRE(tied);
  CHECK(sizes_of(dir / "tied.gguf").bytes_per_token == sizes.bytes_per_token);
  CHECK(tied->output.data == tied->embedding.data);
}

TEST_CASE("Another architecture is refused with the list of those that run") {
  const Error error = error_after(with("general.architecture", std::string("gpt2")));
  CHECK(error.kind == ErrorKind::unsupported);
  says(error.what, "gpt2");
  says(error.why, "llama");
}

TEST_CASE("A missing tensor, a wrong shape and a foreign tensor are named") {
  ModelEdit missing;
  missing.without = {"blk.1.ffn_up.weight"};
  says(error_after(missing).what, "blk.1.ffn_up.weight");
  ModelEdit reshaped;
  reshaped.change = [](TensorInfo& t) {
    if (t.name == "blk.0.attn_k.weight") t.ne[1] += 16;
  };
  const Error error = error_after(reshaped);
  says(error.what, "blk.0.attn_k.weight is 64 x 48");
  says(error.why, "64 x 32");
  ModelEdit foreign;
  foreign.add = {{"blk.0.attn_q_norm.weight", std::vector<float>(16)}};
  says(error_after(foreign).what, "blk.0.attn_q_norm.weight");
}

TEST_CASE("A tensor type without a kernel is named with its tensor") {
  ModelEdit typed;
  typed.change = [](TensorInfo& t) {
    if (t.name == "blk.0.ffn_gate.weight") t.type = TensorType::q8_1;
  };
  const Error error = error_after(typed);
  CHECK(error.kind == ErrorKind::unsupported);
  says(error.what, "blk.0.ffn_gate.weight is Q8_1");
  says(error.why, "Q4_0");
  ModelEdit norm;
  norm.change = [](TensorInfo& t) {
    if (t.name == "output_norm.weight") t.type = TensorType::f16;
  };
  says(error_after(norm).what, "output_norm.weight is F16");
}

TEST_CASE("Experts without their number and an unknown rope scaling are refused by name") {
  says(error_after(with("llama.expert_count", number(8))).what, "expert_used_count");
  says(error_after(with("llama.rope.scaling.type", std::string("dynamic"))).what, "dynamic");
}

TEST_CASE("Numbers outside their bounds are refused by key") {
  struct Case {
    const char* key;
    GgufValue value;
  };
  const Case cases[] = {
      {"llama.block_count", number(0)},
      {"llama.block_count", number(513)},
      {"llama.block_count", number(~std::uint64_t{0})},
      {"llama.embedding_length", number(1u << 20)},
      {"llama.feed_forward_length", number(2'000'000)},
      {"llama.context_length", number(0)},
      {"llama.attention.head_count", number(2000)},
      {"llama.attention.head_count_kv", number(0)},
      {"llama.attention.layer_norm_rms_epsilon", -1.0},
      {"llama.rope.freq_base", 0.5},
      {"llama.rope.scaling.factor", 0.5},
      {"llama.rope.dimension_count", number(8)},
  };
  for (const Case& c : cases) {
    const Error error = error_after(with(c.key, c.value));
    says(error.what, c.key);
  }
  says(error_after(with("llama.attention.head_count_kv", number(3))).what, "3 key-value heads");
  says(error_after(with("llama.attention.head_count", number(3))).what, "3 heads");
  says(error_after(with("llama.attention.key_length", number(15))).what, "length 15");
  says(error_after(with("llama.attention.value_length", number(32))).what, "values of length 32");
}

TEST_CASE("Required numbers that are missing are named") {
  for (const char* key :
       {"llama.block_count", "llama.embedding_length", "llama.attention.head_count",
        "llama.context_length", "llama.attention.layer_norm_rms_epsilon", "general.architecture"}) {
    ModelEdit edit;
    edit.without = {key};
    says(error_after(edit).what, key);
  }
}

TEST_CASE("Rope divisors that would break the angles are refused") {
  ModelEdit edit;
  edit.add = {{"rope_freqs.weight", {1, 1, 1, 0, 1, 1, 1, 1}}};
  says(error_after(edit).what, "rope_freqs.weight");
  edit.add = {{"rope_freqs.weight", {1, 1}}};
  says(error_after(edit).what, "rope_freqs.weight is 2");
}

}  // namespace pennyweight::llm::test
