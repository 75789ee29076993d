#include <filesystem>

#include "tests/fuzz/gguf_fuzzer.cpp"  // its properties, for the corpus and every beginning of it
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

TEST_CASE("the GGUF fuzzer's corpus keeps its properties, whole and cut anywhere") {
  std::size_t files = 0;
  const auto corpus = source_path("tests/fuzz/corpus/gguf");
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    const std::string bytes = read_file(entry.path());
    INFO(entry.path());
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
      const std::vector<std::uint8_t> beginning(
          bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      CHECK(LLVMFuzzerTestOneInput(beginning.data(), beginning.size()) == 0);
    }
    ++files;
  }
  CHECK(files >= 5);
}

}  // namespace
}  // namespace pennyweight::test
