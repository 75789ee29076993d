// The engine fuzzer's properties, for its corpus.
#include <filesystem>

#define LLVMFuzzerTestOneInput engine_fuzzer_input
#include "tests/fuzz/engine_fuzzer.cpp"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

TEST_CASE("the engine fuzzer's corpus keeps its properties") {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(source_path("tests/fuzz/corpus/engine"))) {
    INFO(entry.path());
    const std::string bytes = read_file(entry.path());
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    CHECK(engine_fuzzer_input(data, bytes.size()) == 0);
    ++files;
  }
  CHECK(files >= 8);
}

}  // namespace
}  // namespace pennyweight::test
