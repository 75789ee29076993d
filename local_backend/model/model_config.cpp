#include "local_backend/model/model_config.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "local_backend/model/key_reader.h"
#include "local_backend/runtime/exact_math.h"

namespace pennyweight::llm {
namespace {

// Bounds that keep every product of two of them far inside 64 bits.
constexpr int kMaxLayers = 512, kMaxHeads = 1024, kMaxHeadLength = 1024;
constexpr int kMaxEmbedding = 65536, kMaxFeedForward = 1'000'000, kMaxVocabulary = 4 << 20;
constexpr int kMaxContext = 16 << 20, kMaxExperts = 1024;

Result<const Architecture*> find_architecture(const GgufFile& file) {
  const auto name = file.text_value("general.architecture");
  if (!name) return fail(name.error());
  if (!*name)
    return fail(ErrorKind::invalid_input, "the file has no general.architecture",
                "it does not say which kind of model it holds", "convert the model again");
  if (const Architecture* found = architecture(**name)) return found;
  return fail(ErrorKind::unsupported, fmt::format("architecture \"{}\"", **name),
              "this engine runs: " + architecture_names(),
              "choose a model of a supported architecture");
}

void read_attention(KeyReader& reader, ModelConfig& config) {
  config.heads = reader.required("attention.head_count", kMaxHeads);
  config.kv_heads = reader.count("attention.head_count_kv", kMaxHeads).value_or(config.heads);
  if (reader.error()) return;
  if (config.heads % config.kv_heads != 0)
    reader.refuse(fmt::format("{} heads share {} key-value heads", config.heads, config.kv_heads),
                  "the first must be a multiple of the second");
  const int length = config.embedding_length / config.heads;
  const auto key = reader.count("attention.key_length", kMaxHeadLength);
  const auto value = reader.count("attention.value_length", kMaxHeadLength);
  config.head_length = key.value_or(length);
  if (!key && config.embedding_length % config.heads != 0)
    reader.refuse(fmt::format("an embedding of {} does not divide among {} heads",
                              config.embedding_length, config.heads),
                  "and the file has no " + reader.name("attention.key_length"));
  if (config.head_length > kMaxHeadLength || config.head_length < 2 || config.head_length % 2 != 0)
    reader.refuse(fmt::format("heads of length {}", config.head_length),
                  fmt::format("it must be even, 2 to {}", kMaxHeadLength));
  if (value.value_or(length) != config.head_length)
    reader.refuse(fmt::format("keys of length {}, values of length {}", config.head_length,
                              value.value_or(length)),
                  "this engine runs models where both are equal", ErrorKind::unsupported,
                  "choose another model");
  if (config.architecture->caps_attention)
    config.attention_softcap = reader.real("attn_logit_softcapping", 50.0f, 0.0f);
}

void read_scales(KeyReader& reader, ModelConfig& config) {
  const std::string_view name = config.architecture->name;
  const auto layers = config.layers.size();
  // The 27B models of both generations divide by the embedding's share of a head instead.
  const bool by_share = (name == "gemma2" && layers == 46) || (name == "gemma3" && layers == 62);
  const int length = by_share ? config.embedding_length / config.heads : config.head_length;
  config.attention_scale = 1.0f / std::sqrt(static_cast<float>(length));
  if (config.architecture->scales_embedding)
    config.embedding_scale = std::sqrt(static_cast<float>(config.embedding_length));
  if (name == "gemma2" || name == "gemma3")
    config.final_softcap =
        reader.real("final_logit_softcapping", name == "gemma2" ? 30.0f : 0.0f, 0.0f);
  if (name == "granite") {
    const auto scale = [&](std::string_view key) {
      const float given = reader.real(key, 0.0f, 0.0f);
      return given > 0 ? given : 1.0f;
    };
    const float given = reader.real("attention.scale", 0.0f, 0.0f);
    if (given > 0) config.attention_scale = given;
    config.logit_scale = 1.0f / scale("logit_scale");
    config.residual_scale = scale("residual_scale");
    config.embedding_scale = scale("embedding_scale");
  }
}

// The magnitude that YaRN gives to attention (Peng et al., 2023, section 3.4).
float yarn_magnitude(float factor, float log_multiplier) {
  const auto magnitude = [factor](float m) {
    const auto log = static_cast<float>(exact_math::log(static_cast<double>(factor)));
    return factor <= 1 ? 1.0f : 0.1f * m * log + 1.0f;
  };
  return log_multiplier != 0 ? magnitude(1) / magnitude(log_multiplier) : magnitude(1);
}

void read_rope(KeyReader& reader, ModelConfig& config) {
  const std::string_view name = config.architecture->name;
  RopeConfig rope;
  rope.dimensions =
      reader.count("rope.dimension_count", kMaxHeadLength).value_or(config.head_length);
  if (rope.dimensions > config.head_length || rope.dimensions % 2 != 0)
    reader.refuse(
        fmt::format("{} is {}", reader.name("rope.dimension_count"), rope.dimensions),
        fmt::format("it must be even, at most the head's length, {}", config.head_length));
  if (name == "llama" && rope.dimensions != config.head_length)
    reader.refuse(fmt::format("llama.rope.dimension_count is {}", rope.dimensions),
                  fmt::format("in a llama model it is the head's length, {}", config.head_length));
  // Below 1 the angles would grow without bound.
  rope.base = reader.real("rope.freq_base", 10000.0f, 1.0f);
  const auto scaling = reader.text("rope.scaling.type").value_or("linear");
  const float old_factor = reader.real("rope.scale_linear", 1.0f, 0.0f);
  float factor = reader.real("rope.scaling.factor", old_factor, 0.0f);
  if (factor == 0) factor = 1;
  if (factor < 1)
    reader.refuse(fmt::format("{} is {}", reader.name("rope.scaling.factor"), factor),
                  "it must be 1 or more, or 0 for none");
  rope.magnitude = reader.real("rope.scaling.attn_factor", 1.0f, 0.0f);
  rope.original_context = reader.count("rope.scaling.original_context_length", kMaxContext)
                              .value_or(config.context_length);
  if (scaling != "none") rope.frequency_scale = 1.0f / factor;
  if (scaling == "yarn") {
    rope.yarn = true;
    if (rope.base < 1.5f)
      reader.refuse(fmt::format("{} is {}", reader.name("rope.freq_base"), rope.base),
                    "YaRN divides by its logarithm");
    // Converters write these for any model; other engines heed them in this one only.
    float log_multiplier = 0;
    if (name == "mistral3") {
      rope.beta_fast = reader.real("rope.scaling.yarn_beta_fast", rope.beta_fast, 0.01f);
      rope.beta_slow = reader.real("rope.scaling.yarn_beta_slow", rope.beta_slow, 0.01f);
      log_multiplier = reader.real("rope.scaling.yarn_log_multiplier", 0.0f, 0.0f);
    }
    rope.magnitude *= yarn_magnitude(factor, log_multiplier);
  } else if (scaling != "none" && scaling != "linear" && scaling != "longrope") {
    reader.refuse(fmt::format("rope scaling \"{}\"", scaling),
                  "this engine runs: none, linear, yarn, longrope", ErrorKind::unsupported,
                  "choose a model without it");
  }
  if (name == "mistral3") {
    config.temperature_scale = reader.real("attention.temperature_scale", 0.0f, 0.0f);
    config.temperature_floor = rope.original_context;
  }
  config.rotations = {rope};
}

// Which layers see only a window, and which of them rotate otherwise, or not at all.
void read_layers(KeyReader& reader, ModelConfig& config) {
  const Architecture& kind = *config.architecture;
  const auto layers = static_cast<int>(config.layers.size());
  if (kind.rotation_gap > 0)
    for (int i = 0; i < layers; ++i)
      if ((i + 1) % kind.rotation_gap == 0)
        config.layers[static_cast<std::size_t>(i)].rotation = -1;
  const bool is_exaone = kind.name == "exaone4";
  if (kind.window_period == 0 || (is_exaone && layers != 64)) return;
  int window = reader.count_or_zero("attention.sliding_window", kMaxContext);
  if (window == 0 && kind.name == "gemma3") return;
  if (window == 0) window = 4096;
  auto pattern = reader.flags("attention.sliding_window_pattern");
  if (pattern.empty()) {
    const int period =
        reader.count("attention.sliding_window_pattern", kMaxLayers).value_or(kind.window_period);
    for (int i = 0; i < layers && period > 0; ++i) pattern.push_back(i % period < period - 1);
  }
  if (pattern.size() < config.layers.size())
    return reader.refuse(
        fmt::format("{} has {} entries", reader.name("attention.sliding_window_pattern"),
                    pattern.size()),
        fmt::format("the model has {} layers", layers));
  RopeConfig local = config.rotations.front();
  if (kind.name == "gemma3") {
    local.base = 10000;
    local.frequency_scale = 1;
  }
  local.base = reader.real("rope.freq_base_swa", local.base, 1.0f);
  if (local != config.rotations.front()) config.rotations.push_back(local);
  for (std::size_t i = 0; i < config.layers.size(); ++i) {
    LayerConfig& layer = config.layers[i];
    if (pattern[i]) layer = {window, static_cast<int>(config.rotations.size()) - 1};
    if (!pattern[i] && is_exaone) layer.rotation = -1;
  }
}

void read_experts(KeyReader& reader, ModelConfig& config) {
  config.experts = reader.count_or_zero("expert_count", kMaxExperts);
  if (config.experts == 0) return;
  const std::string_view name = config.architecture->name;
  if (name != "llama" && name != "qwen3moe" && name != "phimoe" && name != "mistral3")
    reader.refuse(fmt::format("a mixture of experts in {}", name),
                  "this engine runs those of llama, mistral3, phimoe and qwen3moe",
                  ErrorKind::unsupported, "choose a model without experts");
  config.experts_used = reader.required("expert_used_count", config.experts);
  const float scale = reader.real("expert_weights_scale", 0.0f, 0.0f);
  if (scale > 0) config.expert_scale = scale;
  if (name != "qwen3moe" || reader.error()) return;
  config.feed_forward_length = reader.count("expert_feed_forward_length", kMaxFeedForward)
                                   .value_or(config.feed_forward_length / config.experts_used);
}

std::optional<Error> check_vocabulary(const GgufFile& file, ModelConfig& config) {
  const TensorInfo* embedding = file.tensor("token_embd.weight");
  if (embedding == nullptr || embedding->ne.size() != 2)
    return Error{ErrorKind::invalid_input, "the file has no matrix token_embd.weight",
                 "it may hold only a vocabulary", "get the whole model"};
  if (embedding->ne[1] > kMaxVocabulary)
    return Error{ErrorKind::invalid_input,
                 fmt::format("a vocabulary of {} tokens", embedding->ne[1]),
                 fmt::format("at most {} are read", kMaxVocabulary), "get the file again"};
  config.vocabulary_size = static_cast<int>(embedding->ne[1]);
  config.tied_output = file.tensor("output.weight") == nullptr;
  return std::nullopt;
}

}  // namespace

Result<ModelConfig> read_model_config(const GgufFile& file) {
  const auto kind = find_architecture(file);
  if (!kind) return fail(kind.error());
  KeyReader reader(file, (*kind)->name);
  ModelConfig config;
  config.architecture = *kind;
  int layers = reader.required("block_count", kMaxLayers);
  if ((*kind)->name == "exaone4")
    config.ignored_layers = reader.count_or_zero("nextn_predict_layers", kMaxLayers);
  if (config.ignored_layers >= layers)
    reader.refuse(
        fmt::format("{} of {} layers predict further tokens", config.ignored_layers, layers),
        "none is left to run");
  if (reader.error()) return fail(*reader.error());
  layers -= config.ignored_layers;
  config.layers.resize(static_cast<std::size_t>(layers));
  config.embedding_length = reader.required("embedding_length", kMaxEmbedding);
  config.feed_forward_length = reader.required("feed_forward_length", kMaxFeedForward);
  config.context_length = reader.required("context_length", kMaxContext);
  config.rms_epsilon = reader.real("attention.layer_norm_rms_epsilon", std::nullopt, 1e-30f);
  read_attention(reader, config);
  if (!reader.error()) read_scales(reader, config);
  if (!reader.error()) read_rope(reader, config);
  if (!reader.error()) read_layers(reader, config);
  if (!reader.error()) read_experts(reader, config);
  if (reader.error()) return fail(*reader.error());
  if (auto error = check_vocabulary(file, config)) return fail(*std::move(error));
  return config;
}

}  // namespace pennyweight::llm
