// Any bytes are saved logits or an error; each row of what opens can be read.
#include <cstdint>
#include <cstdlib>

#include "local_backend/saved_logits.h"
#include "tests/fuzz/memory_file.h"

namespace {

void check(bool fact) {
  if (!fact) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pennyweight::llm;
  const MemoryFile memory(data, size);
  const auto saved = SavedLogits::open(memory.path());
  if (!saved) {
    check(!saved.error().what.empty());
    return 0;
  }
  const auto context = static_cast<std::size_t>(saved->context());
  const auto chunks = static_cast<std::size_t>(saved->chunks());
  check(saved->tokens().size() == context * chunks);
  for (const Token token : saved->tokens()) check(token >= 0 && token < saved->vocabulary_size());
  for (const std::size_t row : {context / 2, context - 2}) {
    const auto last = saved->log_probabilities(saved->chunks() - 1, row);
    check(last && last->size() == static_cast<std::size_t>(saved->vocabulary_size()));
  }
  return 0;
}
