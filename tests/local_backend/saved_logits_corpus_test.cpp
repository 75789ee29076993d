#define LLVMFuzzerTestOneInput saved_logits_fuzzer_input
#include "tests/fuzz/saved_logits_fuzzer.cpp"
#include "tests/support/fuzz_corpus.h"

TEST_CASE("the saved logits fuzzer's corpus keeps its properties, whole and cut anywhere") {
  pennyweight::test::check_corpus("saved_logits", saved_logits_fuzzer_input);
}
