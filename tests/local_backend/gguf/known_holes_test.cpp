// Holes that readers of GGUF files have had in public, each under the name it is known by. What the
// file does is refused here; the wider tables of refusals are in hostile_file_test.cpp.
#include <string>

#include "local_backend/synthetic_model.h"
#include "local_backend/tokenizer.h"
#include "tests/local_backend/edited_model.h"
#include "tests/local_backend/gguf/gguf_bytes.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;

struct Hole {
  const char* name;
  GgufBytes file;
};

GgufBytes tensor_of(const std::vector<std::uint64_t>& ne) {
  return GgufBytes().preamble(1, 0).tensor("t", ne, 0, 0).data(256);
}

// Each declares more than it has, or more than any machine has.
std::vector<Hole> holes() {
  GgufBytes many_tensors;  // 2^40 each; their padded sizes pass 2^64 together
  many_tensors.preamble(20, 0);
  for (int i = 0; i < 20; ++i) {
    many_tensors.tensor("t" + std::to_string(i), {std::uint64_t{1} << 40, 1u << 20}, 0, 0);
  }
  return {
      {"CVE-2024-21802: a tensor's dimensions count more than four",
       GgufBytes().preamble(1, 0).text("t").add(std::uint32_t{1000}).data(8192)},
      {"CVE-2024-21825: an array of texts longer than memory",
       GgufBytes().preamble(0, 1).array_key("k", kText, kHuge / 8).data(64)},
      {"CVE-2024-21836: a count of tensors whose bytes overflow",
       GgufBytes().preamble(UINT64_MAX / 48, 0).data(256)},
      {"CVE-2024-23496: a text whose length plus one is zero",
       GgufBytes().preamble(0, 1).text("k").add(std::uint32_t{kText}).add(UINT64_MAX).data(64)},
      {"CVE-2024-23605: a count of keys whose bytes overflow",
       GgufBytes().preamble(0, UINT64_MAX / 64 + 1).data(256)},
      {"CVE-2025-53630: sizes of tensors that overflow in their sum", many_tensors.data(64)},
      {"CVE-2026-27940: a size that overflows where it is padded",
       tensor_of({std::uint64_t{1} << 40, (std::uint64_t{1} << 22) - 1})},
      {"CVE-2026-33298: bytes of a tensor that overflow although its elements do not",
       tensor_of({std::uint64_t{1} << 40, std::uint64_t{1} << 22})},
      {"CVE-2026-7482: dimensions larger than the file", tensor_of({1024, 1024})},
      {"llama.cpp 27203: a product of dimensions that overflows before it is checked",
       tensor_of({kHuge - 1, 2})},
      {"llama.cpp 24997: an alignment without bound",
       GgufBytes().preamble(1, 1).key("general.alignment", kU32, 1u << 31).tensor("t", {8}, 0, 0)},
      {"ggml 1516: a text of a gigabyte in a small file",
       GgufBytes().preamble(0, 1).text("k").add(std::uint32_t{kText}).add(std::uint64_t{1} << 30)},
      {"ggml 709: a type that there is not", GgufBytes().preamble(1, 0).tensor("t", {8}, 99, 0)},
      {"gguf-py 27188: an array of 2^63 elements",
       GgufBytes().preamble(0, 1).array_key("k", kU8, kHuge).data(64)},
      {"gguf-tools 25: more than eight dimensions", tensor_of({1, 1, 1, 1, 1, 1, 1, 1, 1})},
  };
}

TEST_CASE("every known hole of GGUF readers is closed") {
  for (const Hole& hole : holes()) {
    INFO(hole.name);
    const auto parsed = parse_gguf(hole.file.bytes);
    CHECK_FALSE(parsed);
  }
}

using llm::GgufArray;

std::shared_ptr<const GgufArray> array(GgufArray value) {
  return std::make_shared<const GgufArray>(std::move(value));
}

TEST_CASE("every known hole of tokenizer data is closed") {
  const TempDir dir;
  llm::SyntheticSpec spec;
  spec.vocabulary_size = 300;
  REQUIRE(llm::write_synthetic_model(spec, dir / "good.gguf"));
  struct Bad {
    const char* name;
    const char* key;
    llm::GgufValue value;
  };
  const Bad bad =
      GENERATE(Bad{"llama.cpp 20735: fewer scores than tokens", "tokenizer.ggml.scores",
                   array({GgufArray::Kind::real, {}, {1, 2, 3}, {}})},
               Bad{"llama.cpp 26690: fewer token types than tokens", "tokenizer.ggml.token_type",
                   array({GgufArray::Kind::integer, {1, 2, 3}, {}, {}})},
               Bad{"llama.cpp 26690: token types of a narrower kind", "tokenizer.ggml.token_type",
                   array({GgufArray::Kind::boolean, std::vector<std::int64_t>(300, 1), {}, {}})},
               Bad{"CVE-2025-49847: special tokens beyond a vocabulary too small",
                   "tokenizer.ggml.eos_token_id", std::uint64_t{300}},
               Bad{"CVE-2025-49847: a token's id that turns negative in 32 bits",
                   "tokenizer.ggml.bos_token_id", std::uint64_t{0x8000'0001}});
  INFO(bad.name);
  llm::test::ModelEdit edit;
  edit.set = {{bad.key, bad.value}};
  llm::test::edit_model(dir / "good.gguf", dir / "bad.gguf", edit);
  const auto file = llm::GgufFile::open(dir / "bad.gguf");
  REQUIRE(file);
  CHECK_FALSE(llm::Tokenizer::load(*file));
}

}  // namespace
}  // namespace pennyweight::test
