// Any bytes are a grammar, a JSON schema, or an error; and whatever a grammar allows can be walked
// within the limits, each state being dead, open or whole.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "local_backend/grammar/grammar_matcher.h"
#include "local_backend/grammar/json_schema.h"

namespace {

using namespace pennyweight::llm;

void check(bool fact) {
  if (!fact) std::abort();
}

// Follows bytes that the input picks among the legal ones.
void walk(const std::shared_ptr<const Grammar>& grammar, std::string_view choices) {
  GrammarMatcher matcher(grammar);
  auto state = matcher.start();
  for (const char choice : choices.substr(0, 64)) {
    const auto first = static_cast<std::uint8_t>(choice);
    auto next = GrammarMatcher::kDead;
    for (unsigned i = 0; i < 256 && next == GrammarMatcher::kDead; ++i)
      next = matcher.next(state, static_cast<std::uint8_t>(first + i));
    if (next == GrammarMatcher::kDead) return;
    check(!matcher.ended(state));
    state = matcher.settle(next);
    if (state == GrammarMatcher::kDead) return check(matcher.overflowed());
    check(!matcher.ended(state) || matcher.complete(state));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto grammar = Grammar::parse(text))
    walk(*grammar, text);
  else
    check(!grammar.error().what.empty());
  if (const auto grammar = grammar_of_json_schema(text))
    walk(*grammar, text);
  else
    check(!grammar.error().what.empty());
  return 0;
}
