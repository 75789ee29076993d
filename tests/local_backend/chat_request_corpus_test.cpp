// The chat request fuzzer's properties, for its corpus and every beginning of it.
#include <filesystem>

#define LLVMFuzzerTestOneInput chat_request_fuzzer_input
#include "tests/fuzz/chat_request_fuzzer.cpp"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

TEST_CASE("the chat request fuzzer's corpus keeps its properties, whole and cut anywhere") {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(source_path("tests/fuzz/corpus/chat_request"))) {
    INFO(entry.path());
    const std::string bytes = read_file(entry.path());
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    for (std::size_t length = 0; length <= bytes.size(); ++length)
      CHECK(chat_request_fuzzer_input(data, length) == 0);
    ++files;
  }
  CHECK(files >= 6);
}

}  // namespace
}  // namespace pennyweight::test
