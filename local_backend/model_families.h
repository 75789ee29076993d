// The small models that people ask for by name, and whether this engine runs them.
#pragma once

#include <span>
#include <string_view>

namespace pennyweight::llm {

struct ModelFamily {
  std::string_view name, maker;
  std::string_view sizes;         // "1B, 3B"
  std::string_view architecture;  // general.architecture of its GGUF files; empty: there are none
  std::string_view tokenizer;     // "SPM", or tokenizer.ggml.pre
  std::string_view why_not;       // empty: it runs
};

std::span<const ModelFamily> model_families();

}  // namespace pennyweight::llm
