#include <filesystem>

#include "tests/fuzz/text_template_fuzzer.cpp"  // its properties, for the corpus and parts of it
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

TEST_CASE("the template fuzzer's corpus keeps its properties, whole and cut") {
  int files = 0;
  const auto corpus = test::source_path("tests/fuzz/corpus/text_template");
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    const std::string all = test::read_file(entry.path());
    for (std::size_t n = all.size() + 1; n-- > 0;) {
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(all.data()), n);
    }
    ++files;
  }
  CHECK(files == 7);
}

}  // namespace
}  // namespace pennyweight
