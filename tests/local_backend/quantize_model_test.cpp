#include "local_backend/quantize_model.h"

#include <cstring>
#include <limits>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/gguf/gguf_writer.h"
#include "metrics/base/random.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;

// Values of a normal distribution, the same for the same name.
std::vector<float> weights_of(const std::string& name, std::size_t count) {
  Random random(name.size(), Stream::weights, static_cast<std::uint64_t>(name.back()));
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(random.below(2001)) * 0.001f - 1.0f;
  return values;
}

// A file with one layer of a llama, its tensors in no sensible order.
class Source {
 public:
  Source() {
    writer_.set("general.architecture", std::string("llama"));
    writer_.set("llama.block_count", std::uint64_t{1});
    writer_.set("llama.attention.head_count", std::uint64_t{8});
  }
  GgufWriter& writer() { return writer_; }
  void add(const std::string& name, std::vector<std::uint64_t> ne, TensorType type) {
    std::uint64_t count = 1;
    for (const auto length : ne) count *= length;
    writer_.add_tensor(name, std::move(ne), type, [=](std::span<std::byte> out) {
      return quantize(type, weights_of(name, count), out);
    });
  }
  void add_usual() {
    add("blk.0.ffn_down.weight", {512, 64}, TensorType::f32);
    add("blk.0.attn_norm.weight", {256}, TensorType::f32);
    add("token_embd.weight", {256, 300}, TensorType::bf16);
    add("blk.0.attn_v.weight", {96, 64}, TensorType::f16);
    add("blk.0.attn_v.bias", {64}, TensorType::f32);
    add("blk.0.attn_q.weight", {256, 64}, TensorType::q8_0);
  }
  std::filesystem::path write() {
    const auto path = directory_ / "from.gguf";
    REQUIRE(writer_.write(path));
    return path;
  }
  std::filesystem::path target() const { return directory_ / "to.gguf"; }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory_.path()), {}));
  }

 private:
  TempDir directory_;
  GgufWriter writer_;
};

std::vector<std::byte> data_of(const GgufFile& file, const TensorInfo& tensor) {
  std::vector<std::byte> bytes(tensor.bytes);
  REQUIRE(file.read_tensor(tensor, bytes));
  return bytes;
}

// What the new tensor must hold: the old one's floats, quantized at once.
std::vector<std::byte> expected_data(const GgufFile& from, const TensorInfo& old, TensorType type) {
  if (old.type == type) return data_of(from, old);
  std::vector<float> values(old.elements());
  REQUIRE(dequantize(old.type, data_of(from, old), values));
  std::vector<std::byte> bytes(row_bytes(type, values.size()).value());
  REQUIRE(quantize(type, values, bytes));
  return bytes;
}

Error refusal(Source& source, const QuantizeOptions& options = {}) {
  const auto made = quantize_model(source.write(), source.target(), options);
  REQUIRE(!made);
  CHECK(source.files() == 1);
  return made.error();
}

TEST_CASE("a quantized file has new types and data, and all else as it was") {
  Source source;
  source.add_usual();
  source.writer().set_encoded("a.byte", std::string("\0\0\0\0\x07", 5));  // u8
  source.writer().set_encoded("a.double", std::string("\x0c\0\0\0\1\2\3\4\5\6\7\x08", 12));
  source.writer().set("general.file_type", std::uint64_t{1});
  source.writer().set("split.count", std::uint64_t{1});
  source.writer().set("last", std::string("words"));
  const auto path = source.write();
  const auto made = quantize_model(path, source.target(), {Mixture::q4_k_m, false, 2, {}});
  REQUIRE(made);
  CHECK(made->from_quantized);
  CHECK(made->types ==
        std::map<std::string_view, int>{{"F32", 2}, {"Q4_K", 1}, {"Q6_K", 2}, {"Q8_0", 1}});

  const auto from = GgufFile::open(path), to = GgufFile::open(source.target());
  REQUIRE(to);
  REQUIRE(to->tensors().size() == 6);
  std::string types;
  for (std::size_t i = 0; i < 6; ++i) {
    const TensorInfo &before = from->tensors()[i], &after = to->tensors()[i];
    CHECK(after.name == before.name);
    CHECK(after.ne == before.ne);
    types += std::string(block_format(after.type)->name) + " ";
    CHECK(data_of(*to, after) == expected_data(*from, before, after.type));
  }
  CHECK(types == "Q6_K F32 Q6_K Q8_0 F32 Q4_K ");  // tied: the embedding is the head
  CHECK(made->bytes_after == 512 * 64 / 256 * 210 + 1024 + 300 * 210 + 64 * 102 + 256 + 64 * 144);

  CHECK(to->unsigned_value("general.file_type").value() == 15u);
  CHECK(to->unsigned_value("general.quantization_version").value() == 2u);
  CHECK(to->find("split.count") == nullptr);
  CHECK(to->metadata().size() == from->metadata().size());  // one went, one came
  for (std::size_t i = 0; i < to->metadata().size(); ++i) {
    const std::string& key = to->metadata()[i].first;
    if (key == "general.file_type" || key == "general.quantization_version") continue;
    std::size_t j = 0;
    while (from->metadata()[j].first != key) ++j;
    CHECK(to->encoded_value(i).value() == from->encoded_value(j).value());
  }
}

TEST_CASE(
    "tensors larger than a piece come out as if quantized at once, by any number of threads") {
  Source source;
  source.add("blk.0.ffn_up.weight", {4128, 1024}, TensorType::f16);  // 4.03 pieces
  const auto path = source.write();
  const auto from = GgufFile::open(path);
  const auto expected = expected_data(*from, from->tensors()[0], TensorType::q8_0);
  for (const int threads : {1, 3}) {
    std::vector<std::uint64_t> seen;
    QuantizeOptions options{Mixture::q8_0, false, threads, {}};
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      CHECK(total == 4128 * 1024);
      seen.push_back(done);
      return true;
    };
    REQUIRE(quantize_model(path, source.target(), options));
    CHECK(seen == std::vector<std::uint64_t>{1u << 22, 4128 * 1024});
    const auto to = GgufFile::open(source.target());
    REQUIRE(to);
    CHECK(data_of(*to, to->tensors()[0]) == expected);
  }
}

TEST_CASE("pure gives matrices one type") {
  Source source;
  source.add_usual();
  REQUIRE(quantize_model(source.write(), source.target(), {Mixture::q4_k_m, true, 1, {}}));
  const auto to = GgufFile::open(source.target());
  REQUIRE(to);
  CHECK(to->tensor("token_embd.weight")->type == TensorType::q4_k);
  CHECK(to->tensor("blk.0.ffn_down.weight")->type == TensorType::q4_k);
  CHECK(to->tensor("blk.0.attn_v.weight")->type == TensorType::q5_0);  // 96 columns
}

TEST_CASE("stopping leaves no file") {
  Source source;
  source.add_usual();
  QuantizeOptions options;
  options.progress = [](std::uint64_t done, std::uint64_t) { return done < 10'000; };
  CHECK(refusal(source, options).kind == ErrorKind::interrupted);
}

TEST_CASE("a weight that is no number is refused with its tensor, and leaves no file") {
  Source source;
  source.add_usual();
  source.writer().add_tensor("blk.0.ffn_up.weight", {256, 600}, TensorType::f32,
                             [](std::span<std::byte> out) -> Result<void> {
                               const float bad = std::numeric_limits<float>::quiet_NaN();
                               for (const std::size_t at : {70'000u, 140'000u})
                                 std::memcpy(&out[4 * at], &bad, sizeof bad);
                               return {};
                             });
  CHECK(refusal(source, {Mixture::q4_0, false, 3, {}}).what ==
        "tensor blk.0.ffn_up.weight, from element 65536 on: value 4464 is not a finite number");
}

TEST_CASE("types that cannot be read are refused where they would change, and kept elsewhere") {
  const auto zeros = [](std::span<std::byte>) -> Result<void> { return {}; };
  Source source;
  source.writer().add_tensor("rope.table", {64, 2}, TensorType::i32, zeros);
  source.add("blk.0.ffn_up.weight", {256, 2}, TensorType::f16);
  REQUIRE(quantize_model(source.write(), source.target(), {Mixture::q8_0, false, 1, {}}));
  std::filesystem::remove(source.target());
  source.writer().add_tensor("blk.0.ffn_gate.weight", {256, 2}, TensorType::iq2_xs, zeros);
  const Error error = refusal(source);
  CHECK(error.kind == ErrorKind::unsupported);
  CHECK(error.what == "tensor blk.0.ffn_gate.weight is IQ2_XS");
}

TEST_CASE("a model in two files becomes the one file that the whole model becomes") {
  Source source;
  source.add_usual();
  const auto path = source.write();
  const auto whole = GgufFile::open(path);
  TempDir directory;
  const std::size_t half = whole->tensors().size() / 2;
  for (const std::size_t part : {0u, 1u}) {
    GgufWriter writer;
    for (std::size_t i = 0; part == 0 && i < whole->metadata().size(); ++i)
      writer.set_encoded(whole->metadata()[i].first, whole->encoded_value(i).value());
    writer.set("split.no", std::uint64_t{part});
    writer.set("split.count", std::uint64_t{2});
    writer.set("split.tensors.count", static_cast<std::int64_t>(whole->tensors().size()));
    for (std::size_t t = part == 0 ? 0 : half; t < (part == 0 ? half : whole->tensors().size());
         ++t) {
      const TensorInfo& tensor = whole->tensors()[t];
      writer.add_tensor(tensor.name, tensor.ne, tensor.type,
                        [&](std::span<std::byte> out) { return whole->read_tensor(tensor, out); });
    }
    REQUIRE(writer.write(directory / ("m-0000" + std::to_string(part + 1) + "-of-00002.gguf")));
  }
  REQUIRE(quantize_model(path, source.target(), {Mixture::q4_k_m, false, 1, {}}));
  const auto target = directory / "to.gguf";
  REQUIRE(
      quantize_model(directory / "m-00001-of-00002.gguf", target, {Mixture::q4_k_m, false, 1, {}}));
  CHECK(read_file(target) == read_file(source.target()));
}

TEST_CASE("what is no whole model is refused") {
  Source empty, absurd;
  empty.writer().set("general.architecture", std::string("clip"));
  CHECK(refusal(empty).what == "the file has no clip.block_count");
  absurd.writer().set("llama.expert_count", std::uint64_t{1} << 40);
  CHECK(refusal(absurd).kind == ErrorKind::invalid_input);
  CHECK(!quantize_model("missing.gguf", "to.gguf", {}));
}

}  // namespace
}  // namespace pennyweight::test
