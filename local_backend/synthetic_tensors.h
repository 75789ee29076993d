// The tensors of a synthetic model in the order of the file, without their values. Private to
// synthetic_model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "local_backend/synthetic_model.h"

namespace pennyweight::llm {

struct SyntheticTensor {
  enum class Kind : std::uint8_t {
    matrix,     // Gaussian, of the spec's type
    router,     // Gaussian, always F32
    embedding,  // as matrix, unless there is a margin
    head,       // as matrix, unless there is a margin
    norm,       // F32
    bias,       // F32
    given,      // F32, spec.vectors[given]
  } kind;
  std::string name;
  std::vector<std::uint64_t> ne;
  double scale = 1;  // of Gaussian values: sigma is scale / sqrt(ne[0])
  std::size_t given = 0;
};

std::vector<SyntheticTensor> synthetic_tensors(const SyntheticSpec& spec);

// What every model of an architecture has, beyond or in place of a llama's.
struct SyntheticTraits {
  std::string_view architecture;
  bool no_pre_norms = false;  // of the branches
  bool norm_biases = false;   // attn_norm, ffn_norm, output_norm
  bool qk_norms = false;      // of each head
  bool post_norms = false;    // behind each branch
  bool gate_in_up = false;    // ffn_up holds the gate's rows, then its own
  bool always_tied = false;   // the file never has output.weight
  bool never_tied = false;
  bool width_is_heads = false;  // heads * head_length must be the embedding's length
};
const SyntheticTraits* synthetic_traits(std::string_view architecture);  // null if there is none

}  // namespace pennyweight::llm
