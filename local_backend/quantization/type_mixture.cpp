#include "local_backend/quantization/type_mixture.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <numeric>

namespace pennyweight::llm {
namespace {

struct Entry {
  std::string_view name;
  Mixture mixture;
  TensorType base;
};
constexpr Entry kMixtures[] = {
    {"Q2_K", Mixture::q2_k, TensorType::q2_k},
    {"Q3_K_S", Mixture::q3_k_s, TensorType::q3_k},
    {"Q3_K_M", Mixture::q3_k_m, TensorType::q3_k},
    {"Q3_K_L", Mixture::q3_k_l, TensorType::q3_k},
    {"IQ4_XS", Mixture::iq4_xs, TensorType::iq4_xs},
    {"IQ4_NL", Mixture::iq4_nl, TensorType::iq4_nl},
    {"Q4_0", Mixture::q4_0, TensorType::q4_0},
    {"Q4_1", Mixture::q4_1, TensorType::q4_1},
    {"Q4_K_S", Mixture::q4_k_s, TensorType::q4_k},
    {"Q4_K_M", Mixture::q4_k_m, TensorType::q4_k},
    {"MXFP4_MOE", Mixture::mxfp4_moe, TensorType::mxfp4},
    {"Q5_0", Mixture::q5_0, TensorType::q5_0},
    {"Q5_1", Mixture::q5_1, TensorType::q5_1},
    {"Q5_K_S", Mixture::q5_k_s, TensorType::q5_k},
    {"Q5_K_M", Mixture::q5_k_m, TensorType::q5_k},
    {"Q6_K", Mixture::q6_k, TensorType::q6_k},
    {"Q8_0", Mixture::q8_0, TensorType::q8_0},
    {"F16", Mixture::f16, TensorType::f16},
    {"BF16", Mixture::bf16, TensorType::bf16},
    {"F32", Mixture::f32, TensorType::f32},
};

const Entry& entry_of(Mixture mixture) {
  return *std::find_if(std::begin(kMixtures), std::end(kMixtures),
                       [&](const Entry& e) { return e.mixture == mixture; });
}

enum class Role { embedding, output, key, value, attention_output, down, other };

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Role role_of(std::string_view name) {
  if (name == "output.weight") return Role::output;
  if (name == "token_embd.weight" || name == "per_layer_token_embd.weight") return Role::embedding;
  for (const std::string_view value : {"attn_qkv.weight", "attn_kv_b.weight", "attn_v.weight"}) {
    if (contains(name, value)) return Role::value;
  }
  if (contains(name, "attn_k.weight")) return Role::key;
  if (contains(name, "attn_output.weight")) return Role::attention_output;
  if (contains(name, "ffn_down")) return Role::down;
  return Role::other;
}

std::optional<int> layer_of(std::string_view name) {  // "blk.12.attn_v.weight"
  if (name.substr(0, 4) != "blk.") return std::nullopt;
  int layer = 0;
  const auto parsed = std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  if (parsed.ec != std::errc() || layer < 0) return std::nullopt;
  return layer;
}

// The first and last eighth of the layers, and each third between.
bool more_bits(int i, int n) {
  return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

TensorType value_type(const MixtureTensor& tensor, const MixtureModel& model, Mixture mixture) {
  if (model.experts == 8) return TensorType::q8_0;
  const int i = tensor.values_before;
  const bool shared = model.heads_per_kv >= 4;  // a small matrix for its weight in the result
  TensorType type = base_type(mixture);
  switch (mixture) {
    case Mixture::q2_k:
      type = shared ? TensorType::q4_k : TensorType::q3_k;
      break;
    case Mixture::q3_k_m:
      type = i < 2 ? TensorType::q5_k : TensorType::q4_k;
      break;
    case Mixture::q3_k_l:
      type = TensorType::q5_k;
      break;
    case Mixture::iq4_nl:
    case Mixture::iq4_xs:
      if (shared) type = TensorType::q5_k;
      break;
    case Mixture::q4_k_s:
      if (i < 4) type = TensorType::q5_k;
      break;
    case Mixture::q4_k_m:
    case Mixture::q5_k_m:
      if (more_bits(i, tensor.values)) type = TensorType::q6_k;
      break;
    default:
      break;
  }
  const bool low = type == TensorType::q3_k || type == TensorType::q4_k;
  return model.llama_70b && low ? TensorType::q5_k : type;
}

TensorType down_type(const MixtureTensor& tensor, const MixtureModel& model, Mixture mixture) {
  // Experts' matrices come several to a layer.
  const int i =
      model.experts > 1 ? layer_of(tensor.name).value_or(tensor.downs_before) : tensor.downs_before;
  const int n = model.layers;
  switch (mixture) {
    case Mixture::q2_k:
      return TensorType::q3_k;
    case Mixture::q3_k_m:
      return i < n / 16 ? TensorType::q5_k : TensorType::q4_k;
    case Mixture::q3_k_l:
      return TensorType::q5_k;
    case Mixture::q4_k_m:
    case Mixture::q5_k_m:
      return more_bits(i, n) ? TensorType::q6_k : base_type(mixture);
    case Mixture::q4_k_s:
    case Mixture::iq4_nl:
    case Mixture::iq4_xs:
      return i < n / 8 ? TensorType::q5_k : base_type(mixture);
    default:
      return base_type(mixture);
  }
}

TensorType attention_output_type(const MixtureModel& model, Mixture mixture) {
  if (model.experts == 8) {
    switch (mixture) {
      case Mixture::q2_k:
      case Mixture::q3_k_s:
      case Mixture::q3_k_m:
      case Mixture::iq4_nl:
      case Mixture::iq4_xs:
      case Mixture::q4_k_s:
      case Mixture::q4_k_m:
        return TensorType::q5_k;
      default:
        return base_type(mixture);
    }
  }
  switch (mixture) {
    case Mixture::q2_k:
      return TensorType::q3_k;
    case Mixture::q3_k_m:
      return TensorType::q4_k;
    case Mixture::q3_k_l:
      return TensorType::q5_k;
    default:
      return base_type(mixture);
  }
}

TensorType wanted_type(const MixtureTensor& tensor, const MixtureModel& model, Mixture mixture) {
  const TensorType base = base_type(mixture);
  const Role role = role_of(tensor.name);
  if (role == Role::output || (role == Role::embedding && tensor.output_is_embedding)) {
    const bool whole = tensor.ne[0] % block_format(base)->elements == 0;
    if (mixture == Mixture::mxfp4_moe || base == TensorType::q8_0 || !whole)
      return TensorType::q8_0;
    return TensorType::q6_k;
  }
  if (mixture == Mixture::mxfp4_moe) {
    const bool experts = tensor.ne.size() > 2 && tensor.ne[2] > 1;
    return experts ? TensorType::mxfp4 : TensorType::q8_0;
  }
  switch (role) {
    case Role::value:
      return value_type(tensor, model, mixture);
    case Role::key:
      return model.experts == 8 ? TensorType::q8_0 : base;
    case Role::down:
      return down_type(tensor, model, mixture);
    case Role::attention_output:
      return attention_output_type(model, mixture);
    default:
      return base;
  }
}

// Rows that are not whole blocks of 256 are often whole blocks of 32.
TensorType fitting(TensorType wanted, std::uint64_t columns) {
  const auto fits = [&](TensorType type) { return columns % block_format(type)->elements == 0; };
  if (fits(wanted)) return wanted;
  TensorType smaller = TensorType::f16;
  switch (wanted) {
    case TensorType::q2_k:
    case TensorType::q3_k:
      smaller = TensorType::q4_0;
      break;
    case TensorType::q4_k:
      smaller = TensorType::q5_0;
      break;
    case TensorType::q5_k:
      smaller = TensorType::q5_1;
      break;
    case TensorType::q6_k:
      smaller = TensorType::q8_0;
      break;
    case TensorType::iq4_xs:
      smaller = TensorType::iq4_nl;
      break;
    default:
      break;
  }
  return fits(smaller) ? smaller : TensorType::f16;
}

}  // namespace

std::optional<Mixture> mixture_named(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  if (upper == "Q3_K" || upper == "Q4_K" || upper == "Q5_K") upper += "_M";
  for (const Entry& entry : kMixtures) {
    if (entry.name == upper) return entry.mixture;
  }
  return std::nullopt;
}

std::string_view mixture_name(Mixture mixture) {
  return entry_of(mixture).name;
}

std::string mixture_names() {
  std::string names;
  for (const Entry& entry : kMixtures) {
    names.append(names.empty() ? "" : ", ").append(entry.name);
  }
  return names;
}

TensorType base_type(Mixture mixture) {
  return entry_of(mixture).base;
}

bool is_quantized(std::string_view name, std::span<const std::uint64_t> ne) {
  constexpr std::string_view kEnd = "weight";
  const bool matrix = std::any_of(ne.begin() + (ne.empty() ? 0 : 1), ne.end(),
                                  [](std::uint64_t length) { return length > 1; });
  if (!matrix || name.size() < kEnd.size() || name.substr(name.size() - kEnd.size()) != kEnd)
    return false;
  constexpr std::string_view kKept[] = {
      "_norm.weight",
      "ffn_gate_inp.weight",
      "ffn_gate_tid2eid.weight",
      "altup",
      "laurel",
      "per_layer_model_proj",
      "ssm_conv1d",
      "shortconv.conv.weight",
      "attn_rel_b.weight",
      "indexer.k_proj.weight",
      "indexer.q_proj.weight",
      "time_mix_first.weight",
      "time_mix_w0.weight",
      "time_mix_w1.weight",
      "time_mix_w2.weight",
      "time_mix_v0.weight",
      "time_mix_v1.weight",
      "time_mix_v2.weight",
      "time_mix_a0.weight",
      "time_mix_a1.weight",
      "time_mix_a2.weight",
      "time_mix_g1.weight",
      "time_mix_g2.weight",
      "time_mix_decay_w1.weight",
      "time_mix_decay_w2.weight",
      "time_mix_lerp_fused.weight",
  };
  return name != "position_embd.weight" && name != "token_types.weight" &&
         std::none_of(std::begin(kKept), std::end(kKept),
                      [&](std::string_view part) { return contains(name, part); });
}

TensorType mixed_type(const MixtureTensor& tensor, const MixtureModel& model, Mixture mixture,
                      bool pure) {
  const TensorType base = base_type(mixture);
  if (block_format(base)->elements == 1) return base;
  return fitting(pure ? base : wanted_type(tensor, model, mixture), tensor.ne[0]);
}

std::vector<std::optional<TensorType>> choose_types(std::span<const MixtureShape> tensors,
                                                    const MixtureModel& model, Mixture mixture,
                                                    bool pure) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto place = [&](std::size_t i) {
    return std::pair(layer_of(tensors[i].name).value_or(-1), tensors[i].name);
  };
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return place(a) < place(b); });
  MixtureTensor tensor;
  tensor.output_is_embedding = true;
  for (const MixtureShape& one : tensors) {
    if (role_of(one.name) == Role::value) ++tensor.values;
    if (role_of(one.name) == Role::output) tensor.output_is_embedding = false;
  }
  std::vector<std::optional<TensorType>> types(tensors.size());
  for (const std::size_t i : order) {
    tensor.name = tensors[i].name;
    tensor.ne = tensors[i].ne;
    if (!is_quantized(tensor.name, tensor.ne)) continue;
    types[i] = mixed_type(tensor, model, mixture, pure);
    if (role_of(tensor.name) == Role::value) ++tensor.values_before;
    if (role_of(tensor.name) == Role::down) ++tensor.downs_before;
  }
  return types;
}

}  // namespace pennyweight::llm
