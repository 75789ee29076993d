// Models that lie in several files, and files that only say so.
#include <fmt/format.h>

#include "local_backend/gguf/gguf_writer.h"
#include "local_backend/model_source.h"
#include "metrics/base/hash.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;

// One file of a model: the tensors t0, t1 ... from `first` up to before `end`, 8 floats each.
struct Part {
  int number = 0, count = 3, first = 0, end = 0;
  int tensors = 5;  // of all parts, as the metadata says
  bool keys = true;
};

void write_part(const std::filesystem::path& path, const Part& part) {
  GgufWriter writer;
  if (part.number == 0) writer.set("general.name", std::string("three files"));
  if (part.keys) {
    writer.set("split.no", static_cast<std::uint64_t>(part.number));
    writer.set("split.count", static_cast<std::uint64_t>(part.count));
    writer.set("split.tensors.count", std::int64_t{part.tensors});
  }
  for (int t = part.first; t < part.end; ++t) {
    writer.add_tensor(fmt::format("t{}", t), {8}, TensorType::f32, [t](std::span<std::byte> out) {
      return quantize(TensorType::f32, std::vector<float>(8, static_cast<float>(t)), out);
    });
  }
  REQUIRE(writer.write(path));
}

class SplitModel {
 public:
  SplitModel() {
    write(0, {0, 3, 0, 1});
    write(1, {1, 3, 1, 3});
    write(2, {2, 3, 3, 5});
  }
  void write(int i, const Part& part) const { write_part(path(i), part); }
  std::filesystem::path path(int i = 0) const {
    return directory_ / fmt::format("m-0000{}-of-00003.gguf", i + 1);
  }
  const TempDir& directory() const { return directory_; }
  Error refusal(int i = 0) const {
    const auto file = GgufFile::open(path(i));
    REQUIRE_FALSE(file);
    return file.error();
  }

 private:
  TempDir directory_;
};

float first_value(const GgufFile& file, std::string_view name) {
  const TensorInfo* tensor = file.tensor(name);
  REQUIRE(tensor != nullptr);
  std::vector<std::byte> bytes(tensor->bytes);
  REQUIRE(file.read_tensor(*tensor, bytes));
  std::vector<float> values(8);
  REQUIRE(dequantize(tensor->type, bytes, values));
  return values[0];
}

TEST_CASE("the first part of a split model opens as one model with the tensors of all") {
  const SplitModel model;
  const auto file = GgufFile::open(model.path());
  INFO((file ? "" : file.error().what + ": " + file.error().why));
  REQUIRE(file);
  CHECK(file->tensors().size() == 5);
  for (int t = 0; t < 5; ++t)
    CHECK(first_value(*file, fmt::format("t{}", t)) == static_cast<float>(t));
  CHECK(file->text_value("general.name").value() == "three files");
  CHECK(file->find("split.count") == nullptr);
  CHECK(file->metadata().size() == 1);
  std::uint64_t size = 0;
  std::string bytes;
  for (int i = 0; i < 3; ++i) {
    CHECK(file->paths().at(static_cast<std::size_t>(i)) == model.path(i));
    size += std::filesystem::file_size(model.path(i));
    bytes += read_file(model.path(i));
  }
  CHECK(file->file_size() == size);
  CHECK(model_sha256(model.path()).value() == sha256(bytes));
}

TEST_CASE("a first part may hold no tensors") {
  const SplitModel model;
  model.write(0, {0, 3, 0, 0});
  model.write(1, {1, 3, 0, 3});
  const auto file = GgufFile::open(model.path());
  REQUIRE(file);
  CHECK(first_value(*file, "t0") == 0);
}

TEST_CASE("a model in one file that counts its parts is whole by itself") {
  const TempDir directory;
  write_part(directory / "any.gguf", {0, 1, 0, 5});
  REQUIRE(GgufFile::open(directory / "any.gguf"));
  CHECK(model_sha256(directory / "any.gguf").value() ==
        sha256_file(directory / "any.gguf").value());
}

TEST_CASE("a split model is opened by its first part only, and the error names it") {
  const SplitModel model;
  const Error error = model.refusal(1);
  CHECK(error.why == "it is part 2 of 3");
  CHECK(error.fix.find("-00001-of-00003.gguf") != std::string::npos);
}

TEST_CASE("a part that is not there is named") {
  const SplitModel model;
  std::filesystem::remove(model.path(2));
  const Error error = model.refusal();
  CHECK(error.kind == ErrorKind::not_found);
  CHECK(error.what.find("m-00003-of-00003.gguf") != std::string::npos);
  CHECK(error.fix == "put all parts beside the first");
}

TEST_CASE("a part of another model is refused with the reason") {
  const SplitModel model;
  const auto why = [&](const Part& part) {
    model.write(1, part);
    const Error error = model.refusal();
    CHECK(error.kind == ErrorKind::invalid_input);
    return error.why;
  };
  CHECK(why({1, 4, 1, 3}) == "it is of a model in 4 files, the first file's is in 3");
  CHECK(why({2, 3, 1, 3}) == "by its name it is part 2, by its metadata part 3");
  CHECK(why({0, 3, 1, 3}) == "by its name it is part 2, by its metadata part 1");
  CHECK(why({1, 3, 1, 3, 6}) == "it is of a model with another number of tensors");
  CHECK(why({1, 3, 1, 2}) == "its parts hold 4 tensors in place of 5");
  CHECK(why({1, 3, 2, 4}) == "tensor \"t3\" is in two of its parts");
  CHECK(why({1, 3, 1, 3, 5, false}) == "it is of a model in 1 files, the first file's is in 3");
  CHECK(why({3, 3, 1, 3}).find("split.no is 3, split.count 3") != std::string::npos);
}

TEST_CASE("what a first part says of itself is checked before other files are looked for") {
  const SplitModel model;
  SECTION("a number beyond the count") {
    model.write(0, {3, 3, 0, 1});
    CHECK(model.refusal().why.find("split.no is 3") != std::string::npos);
  }
  SECTION("more parts than there are, at once and without reading on") {
    model.write(0, {0, 65535, 0, 1});
    CHECK(model.refusal().why.find("does not end in \"-00001-of-65535.gguf\"") !=
          std::string::npos);
    model.write(0, {0, 2'000'000'000, 0, 1});
    CHECK(model.refusal().kind == ErrorKind::invalid_input);
  }
  SECTION("another name") {
    std::filesystem::rename(model.path(), model.directory() / "renamed.gguf");
    const auto file = GgufFile::open(model.directory() / "renamed.gguf");
    REQUIRE_FALSE(file);
    CHECK(file.error().why.find("does not end in \"-00001-of-00003.gguf\"") != std::string::npos);
  }
  SECTION("keys that are no numbers") {
    GgufWriter writer;
    writer.set("split.count", std::string("3"));
    REQUIRE(writer.write(model.path()));
    CHECK(model.refusal().kind == ErrorKind::invalid_input);
  }
}

TEST_CASE("a later part that is cut short or no GGUF file is refused") {
  const SplitModel model;
  const std::string whole = read_file(model.path(1));
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{3}, whole.size() / 2, whole.size() - 33}) {
    write_file(model.path(1), whole.substr(0, length));
    CHECK(model.refusal().what.find("m-00002-of-00003.gguf") != std::string::npos);
  }
}

}  // namespace
}  // namespace pennyweight::test
