#define LLVMFuzzerTestOneInput chat_request_fuzzer_input
#include "tests/fuzz/chat_request_fuzzer.cpp"
#include "tests/support/fuzz_corpus.h"

TEST_CASE("the chat request fuzzer's corpus keeps its properties, whole and cut anywhere") {
  pennyweight::test::check_corpus("chat_request", chat_request_fuzzer_input);
}
