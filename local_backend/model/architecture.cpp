#include "local_backend/model/architecture.h"

#include <algorithm>

namespace pennyweight::llm {
namespace {

constexpr auto kHalves = RopePairs::halves;
constexpr auto kGelu = GateFunction::gelu;

// Experts and biases are found by their tensors, the rest of a model's numbers by its keys.
constexpr Architecture kArchitectures[] = {
    {.name = "llama"},
    {.name = "mistral3"},
    {.name = "qwen2", .pairs = kHalves},
    {.name = "qwen3", .pairs = kHalves, .head_norms = true},
    {.name = "qwen3moe", .pairs = kHalves, .head_norms = true},
    {.name = "phi3", .pairs = kHalves, .fused_gate = true},
    {.name = "phimoe", .pairs = kHalves},
    {.name = "gemma", .pairs = kHalves, .gate = kGelu, .scales_embedding = true},
    {.name = "gemma2",
     .pairs = kHalves,
     .gate = kGelu,
     .norms_after = true,
     .scales_embedding = true,
     .caps_attention = true,
     .window_period = 2},
    {.name = "gemma3",
     .pairs = kHalves,
     .gate = kGelu,
     .norms_after = true,
     .head_norms = true,
     .scales_embedding = true,
     .window_period = 6},
    {.name = "exaone", .pairs = kHalves},
    {.name = "exaone4",
     .pairs = kHalves,
     .norms_before = false,
     .norms_after = true,
     .head_norms = true,
     .window_period = 4},
    {.name = "smollm3", .rotation_gap = 4},
    {.name = "granite"},
};

}  // namespace

const Architecture* architecture(std::string_view name) {
  const auto* found = std::ranges::find(kArchitectures, name, &Architecture::name);
  return found == std::end(kArchitectures) ? nullptr : found;
}

std::span<const Architecture> architectures() {
  return kArchitectures;
}

std::string architecture_names() {
  std::string names;
  for (const Architecture& one : kArchitectures)
    names += (names.empty() ? "" : ", ") + std::string(one.name);
  return names;
}

}  // namespace pennyweight::llm
