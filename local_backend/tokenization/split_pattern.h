// A published pre-tokenizer pattern, run by PCRE2. Private to tokenizer.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight::llm {

// Immutable: any thread.
class SplitPattern {
 public:
  // Perl's syntax with Unicode classes; \s is White_Space, $ the very end. Must not match nothing.
  static Result<SplitPattern> compile(std::string_view source);
  SplitPattern(SplitPattern&&) noexcept;
  SplitPattern& operator=(SplitPattern&&) noexcept;
  ~SplitPattern();

  // Appends `offset` + the end of each match and of each stretch between matches. `text` is valid
  // UTF-8. Where PCRE2 gives up (its match limit), the rest is one stretch.
  void append_pieces(std::string_view text, std::size_t offset,
                     std::vector<std::size_t>& ends) const;

 private:
  struct Code;
  explicit SplitPattern(std::unique_ptr<const Code> code);
  std::unique_ptr<const Code> code_;
};

}  // namespace pennyweight::llm
