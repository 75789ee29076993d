#include <filesystem>

#define PENNYWEIGHT_CORPUS_TEST
#include "tests/fuzz/tokenizer_fuzzer.cpp"  // its properties, for the corpus and every beginning of it
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

TEST_CASE("the tokenizer fuzzer's corpus keeps its properties, whole and cut anywhere") {
  std::size_t files = 0;
  const auto corpus = source_path("tests/fuzz/corpus/tokenizer");
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    const std::string bytes = read_file(entry.path());
    INFO(entry.path());
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
      REQUIRE_NOTHROW(tokenizer_fuzzer::run(std::string_view(bytes).substr(0, length)));
    }
    ++files;
  }
  CHECK(files >= 4);
}

}  // namespace
}  // namespace pennyweight::test
