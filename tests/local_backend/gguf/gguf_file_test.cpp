#include "local_backend/gguf/gguf_file.h"

#include "local_backend/gguf/gguf_writer.h"
#include "tests/local_backend/gguf/gguf_bytes.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;

template <class T>
GgufBytes& numbered(GgufBytes& file, std::uint32_t type, T value) {
  return file.key("type" + std::to_string(type), type, value);
}

TEST_CASE("the same integer is read whatever width a tool wrote it in") {
  for (const std::uint32_t version : {2u, 3u}) {
    GgufBytes file;
    file.preamble(0, 8, version);
    numbered(file, kU8, std::uint8_t{7});
    numbered(file, kI8, std::int8_t{7});
    numbered(file, kU16, std::uint16_t{7});
    numbered(file, kI16, std::int16_t{7});
    numbered(file, kU32, std::uint32_t{7});
    numbered(file, kI32, std::int32_t{7});
    numbered(file, kU64, std::uint64_t{7});
    numbered(file, kI64, std::int64_t{7});
    const auto parsed = parse_gguf(file.bytes);
    REQUIRE(parsed);
    CHECK(parsed->version() == version);
    for (const auto& [key, value] : parsed->metadata()) {
      INFO(key);
      CHECK(parsed->unsigned_value(key).value() == 7u);
      CHECK(parsed->real_value(key).value() == 7.0);
      CHECK(!parsed->boolean_value(key));
      CHECK(!parsed->text_value(key));
      CHECK(!parsed->array_value(key));
    }
  }
}

TEST_CASE("a missing key is empty, a value of another kind an error that names the key") {
  const auto file = parse_gguf(GgufBytes()
                                   .preamble(0, 6)
                                   .key("flag", kBool, std::uint8_t{200})
                                   .key("negative", kI32, -1)
                                   .key("real", kF32, 0.5f)
                                   .key("double", kF64, 1e300)
                                   .key("one", kU8, std::uint8_t{1})
                                   .text_key("text", "x")
                                   .bytes);
  REQUIRE(file);
  CHECK(!file->unsigned_value("none").value());
  CHECK(!file->real_value("none").value());
  CHECK(!file->boolean_value("none").value());
  CHECK(!file->text_value("none").value());
  CHECK(file->array_value("none").value() == nullptr);
  CHECK(file->boolean_value("flag").value() == true);
  CHECK(file->boolean_value("one").value() == true);
  CHECK(file->real_value("double").value() == 1e300);
  CHECK(file->text_value("text").value() == "x");
  CHECK(file->unsigned_value("negative").error().what.find("\"negative\"") != std::string::npos);
  CHECK(!file->unsigned_value("real"));
  CHECK(!file->real_value("text"));
  CHECK(!file->array_value("text"));
}

TEST_CASE("what the writer writes the reader reads back, metadata and data") {
  TempDir directory;
  GgufWriter writer;
  writer.set("small", std::uint64_t{7});
  writer.set("small", std::uint64_t{8});
  writer.set("large", std::uint64_t{1} << 40);
  writer.set("negative", std::int64_t{-3});
  writer.set("very negative", std::int64_t{-3'000'000'000});
  writer.set("real", 0.5);
  writer.set("yes", true);
  writer.set("text", std::string("\xed\x95\x9c"));
  const auto array = [](GgufArray value) { return std::make_shared<const GgufArray>(value); };
  using Kind = GgufArray::Kind;
  writer.set("integers", array({Kind::integer, {1, -2}, {}, {}}));
  writer.set("large integers", array({Kind::integer, {1, std::int64_t{1} << 40}, {}, {}}));
  writer.set("reals", array({Kind::real, {}, {0.25, 2}, {}}));
  writer.set("flags", array({Kind::boolean, {1, 0}, {}, {}}));
  writer.set("texts", array({Kind::text, {}, {}, {"a", ""}}));
  const auto fill_with = [](int value) {
    return [=](std::span<std::byte> out) -> Result<void> {
      std::fill(out.begin(), out.end(), static_cast<std::byte>(value));
      return {};
    };
  };
  writer.add_tensor("first", {32, 3}, TensorType::q8_0, fill_with(1));
  writer.add_tensor("second", {5}, TensorType::f32, fill_with(2));
  REQUIRE(writer.write(directory / "x.gguf"));

  const auto file = GgufFile::open(directory / "x.gguf");
  REQUIRE(file);
  CHECK(file->unsigned_value("small").value() == 8u);
  CHECK(file->unsigned_value("large").value() == std::uint64_t{1} << 40);
  CHECK(std::get<std::int64_t>(*file->find("negative")) == -3);
  CHECK(std::get<std::int64_t>(*file->find("very negative")) == -3'000'000'000);
  CHECK(file->real_value("real").value() == 0.5);
  CHECK(file->boolean_value("yes").value() == true);
  CHECK(file->text_value("text").value() == "\xed\x95\x9c");
  CHECK((*file->array_value("integers"))->integers == std::vector<std::int64_t>{1, -2});
  CHECK((*file->array_value("large integers"))->integers[1] == std::int64_t{1} << 40);
  CHECK((*file->array_value("reals"))->reals == std::vector<double>{0.25, 2});
  CHECK((*file->array_value("flags"))->kind == Kind::boolean);
  CHECK((*file->array_value("flags"))->integers == std::vector<std::int64_t>{1, 0});
  CHECK((*file->array_value("texts"))->texts == std::vector<std::string>{"a", ""});

  const TensorInfo* second = file->tensor("second");
  REQUIRE(second != nullptr);
  CHECK(file->tensor("third") == nullptr);
  CHECK(second->offset == file->data_offset() + 128);  // 102 bytes, padded
  CHECK(file->tensor("first")->rows() == 3);
  CHECK(file->tensor("first")->elements() == 96);
  std::vector<std::byte> bytes(20);
  REQUIRE(file->read_tensor(*second, bytes));
  CHECK(bytes == std::vector<std::byte>(20, std::byte{2}));
  CHECK(file->read_tensor(*second, 16, std::span(bytes).first(4)));
  CHECK(!file->read_tensor(*second, 17, std::span(bytes).first(4)));
  CHECK(!file->read_tensor(*second, std::span(bytes).first(4)));
}

TEST_CASE("a tensor of a file that shrank after opening is an error") {
  TempDir directory;
  const std::string bytes = GgufBytes().preamble(1, 0).tensor("t", {64}, 0, 0).data(256).bytes;
  write_file(directory / "x.gguf", bytes);
  const auto file = GgufFile::open(directory / "x.gguf");
  REQUIRE(file);
  std::filesystem::resize_file(directory / "x.gguf", bytes.size() - 1);
  std::vector<std::byte> out(256);
  CHECK(!file->read_tensor(file->tensors()[0], out));
}

TEST_CASE("a header longer than the first piece read is read whole") {
  TempDir directory;
  GgufWriter writer;
  GgufArray words{GgufArray::Kind::text, {}, {}, std::vector<std::string>(60'000)};
  for (std::size_t i = 0; i < words.texts.size(); ++i) {
    words.texts[i] = "a word as long as words of a vocabulary are " + std::to_string(i);
  }
  writer.set("words", std::make_shared<const GgufArray>(words));
  REQUIRE(writer.write(directory / "x.gguf"));
  const auto file = GgufFile::open(directory / "x.gguf");
  REQUIRE(file);
  CHECK(file->file_size() > 3u << 20);
  CHECK((*file->array_value("words"))->texts == words.texts);
}

TEST_CASE("opening what is no GGUF file names the path") {
  TempDir directory;
  write_file(directory / "x.gguf", "<html>404</html>");
  const auto html = GgufFile::open(directory / "x.gguf");
  REQUIRE(!html);
  CHECK(html.error().what.find("x.gguf") != std::string::npos);
  CHECK(html.error().what.find("does not begin with \"GGUF\"") != std::string::npos);
  CHECK(!GgufFile::open(directory / "missing.gguf"));
}

TEST_CASE("a tensor can be written in pieces, the last of them shorter") {
  TempDir directory;
  GgufWriter writer;
  std::vector<std::pair<std::uint64_t, std::size_t>> asked;
  writer.add_tensor_in_pieces("t", {10}, TensorType::i32, 16,
                              [&](std::uint64_t first, std::span<std::byte> out) -> Result<void> {
                                asked.emplace_back(first, out.size());
                                for (std::size_t i = 0; i < out.size(); ++i)
                                  out[i] = static_cast<std::byte>(first + i);
                                return {};
                              });
  writer.set("general.alignment", std::uint64_t{64});
  REQUIRE(writer.write(directory / "x.gguf"));
  CHECK(asked == std::vector<std::pair<std::uint64_t, std::size_t>>{{0, 16}, {16, 16}, {32, 8}});
  const auto file = GgufFile::open(directory / "x.gguf");
  REQUIRE(file);
  CHECK(file->data_offset() % 64 == 0);
  CHECK(file->file_size() % 64 == 0);
  std::vector<std::byte> bytes(40);
  REQUIRE(file->read_tensor(file->tensors()[0], bytes));
  for (std::size_t i = 0; i < bytes.size(); ++i) CHECK(bytes[i] == static_cast<std::byte>(i));
}

TEST_CASE("the writer refuses what no reader could read, and leaves no file") {
  TempDir directory;
  const auto fill = [](std::span<std::byte>) -> Result<void> { return {}; };
  GgufWriter twice, ragged, failing;
  twice.add_tensor("t", {4}, TensorType::f32, fill);
  twice.add_tensor("t", {4}, TensorType::f32, fill);
  ragged.add_tensor("t", {33}, TensorType::q4_0, fill);
  failing.add_tensor("t", {4}, TensorType::f32, [](std::span<std::byte>) -> Result<void> {
    return fail(ErrorKind::io, "no data");
  });
  for (const GgufWriter* writer : {&twice, &ragged, &failing}) {
    CHECK(!writer->write(directory / "x.gguf"));
    CHECK(std::filesystem::is_empty(directory.path()));
  }
}

}  // namespace
}  // namespace pennyweight::test
