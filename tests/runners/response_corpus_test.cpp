#define LLVMFuzzerTestOneInput response_fuzzer_input
#include "tests/fuzz/response_fuzzer.cpp"
#include "tests/support/fuzz_corpus.h"

TEST_CASE("the response fuzzer's corpus keeps its properties, whole and cut anywhere") {
  pennyweight::test::check_corpus("response", response_fuzzer_input);
}
