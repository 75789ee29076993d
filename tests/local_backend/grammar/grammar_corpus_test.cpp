#define LLVMFuzzerTestOneInput grammar_fuzzer_input
#include "tests/fuzz/grammar_fuzzer.cpp"
#include "tests/support/fuzz_corpus.h"

TEST_CASE("the grammar fuzzer's corpus keeps its properties, whole and cut anywhere") {
  pennyweight::test::check_corpus("grammar", grammar_fuzzer_input);
}
