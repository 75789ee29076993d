// The fuzzer's corpus, as a test of every build.
#include <filesystem>
#include <string>

#include "tests/fuzz/task_set_fuzzer.cpp"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

TEST_CASE("The task-set fuzzer's corpus, and each half of its inputs, is survived") {
  int inputs = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::source_path("tests/fuzz/corpus/task_set"))) {
    const std::string bytes = test::read_file(entry.path());
    INFO(entry.path());
    for (const std::size_t size : {bytes.size(), bytes.size() / 2}) {
      CHECK(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), size) == 0);
    }
    ++inputs;
  }
  CHECK(inputs >= 8);
}

}  // namespace
}  // namespace pennyweight
