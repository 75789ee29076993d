// Text to tokens by the merges of SentencePiece's BPE. Private to tokenizer.
#pragma once

#include <string_view>
#include <vector>

#include "local_backend/tokenization/vocabulary.h"

namespace pennyweight::llm {

// Of all neighbours whose concatenation is a token, those of the highest score become one (ties:
// the leftmost), until none is left; what is then no token becomes bytes. O(n log n). Blanks are
// already U+2581.
void append_spm_tokens(const Vocabulary& vocabulary, std::string_view text,
                       std::vector<Token>& out);

}  // namespace pennyweight::llm
