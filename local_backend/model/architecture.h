// What sets one architecture apart from another, as data. One forward pass runs them all.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pennyweight::llm {

// Which two elements of a head rotate together: (2i, 2i + 1), or (i, i + n / 2).
enum class RopePairs : std::uint8_t { adjacent, halves };
enum class GateFunction : std::uint8_t { silu, gelu };

struct Architecture {
  std::string_view name;  // general.architecture
  RopePairs pairs = RopePairs::adjacent;
  GateFunction gate = GateFunction::silu;
  bool norms_before = true;       // of attention and of the feed-forward part
  bool norms_after = false;       // of what either adds to the residual stream
  bool head_norms = false;        // of each query and key head, before rotation
  bool scales_embedding = false;  // by sqrt(embedding length)
  bool fused_gate = false;        // ffn_up holds the gate's rows before its own
  bool caps_attention = false;    // scores are soft-capped where the file says so
  int window_period = 0;          // > 0: sliding windows, but for each period's last layer
  int rotation_gap = 0;           // > 0: each such layer does not rotate
};

// Null when the engine does not run it.
const Architecture* architecture(std::string_view name);
std::span<const Architecture> architectures();
std::string architecture_names();  // "llama, qwen2, ..."

}  // namespace pennyweight::llm
