// Which tensor of a model gets which type when a file is quantized "to Q4_K_M": the choices of
// llama-quantize without an importance matrix, so that files come out as people know them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "local_backend/quantization/block_formats.h"

namespace pennyweight::llm {

// The numbers are those of the metadata key general.file_type.
enum class Mixture : std::uint32_t {
  f32 = 0, f16 = 1, q4_0 = 2, q4_1 = 3, q8_0 = 7, q5_0 = 8, q5_1 = 9,
  q2_k = 10, q3_k_s = 11, q3_k_m = 12, q3_k_l = 13, q4_k_s = 14, q4_k_m = 15,
  q5_k_s = 16, q5_k_m = 17, q6_k = 18, iq4_nl = 25, iq4_xs = 30, bf16 = 32,
  mxfp4_moe = 38,  // experts MXFP4, all else Q8_0
};
// "Q4_K_M" in any case; Q3_K, Q4_K and Q5_K mean their M.
std::optional<Mixture> mixture_named(std::string_view name);
std::string_view mixture_name(Mixture mixture);
std::string mixture_names();  // for messages
TensorType base_type(Mixture mixture);

// What the choices depend on beside a tensor's own name and shape.
struct MixtureModel {
  int layers = 0;         // blocks in all
  int heads_per_kv = 1;   // of the first layer, rounded down
  int experts = 0;        // 8 has rules of its own
  bool llama_70b = false; // llama of 80 layers with grouped heads
};

// A tensor among the others. They are counted by layer, then by name.
struct MixtureTensor {
  std::string_view name;
  std::span<const std::uint64_t> ne;
  int values_before = 0, values = 0;  // matrices that hold attention values: fused ones too
  int downs_before = 0;               // ffn_down
  bool output_is_embedding = false;   // no output.weight in the file
};

// Matrices that are weights, but for norms, routers and small ones. The rest keeps its type.
bool is_quantized(std::string_view name, std::span<const std::uint64_t> ne);
// `pure`: the mixture's base type wherever the shape allows.
TensorType mixed_type(const MixtureTensor& tensor, const MixtureModel& model, Mixture mixture,
                      bool pure);

// For each tensor of a file its type, or nothing where it keeps the one it has.
struct MixtureShape {
  std::string_view name;
  std::span<const std::uint64_t> ne;
};
std::vector<std::optional<TensorType>> choose_types(std::span<const MixtureShape> tensors,
                                                    const MixtureModel& model, Mixture mixture,
                                                    bool pure);

}  // namespace pennyweight::llm
