#define LLVMFuzzerTestOneInput engine_fuzzer_input
#include "tests/fuzz/engine_fuzzer.cpp"
#include "tests/support/fuzz_corpus.h"

TEST_CASE("the engine fuzzer's corpus keeps its properties") {
  pennyweight::test::check_corpus("engine", engine_fuzzer_input, false);
}
