#include "local_backend/model/llama_config.h"

#include <cmath>
#include <optional>

#include <fmt/format.h>

namespace pennyweight::llm {
namespace {

// Bounds that keep every product of two of them far inside 64 bits.
constexpr int kMaxLayers = 512, kMaxHeads = 1024, kMaxHeadLength = 1024;
constexpr int kMaxEmbedding = 65536, kMaxFeedForward = 1'000'000, kMaxVocabulary = 4 << 20;
constexpr int kMaxContext = 16 << 20;

// Reads several keys and keeps the first error, so that the reading stays a list.
class Reader {
 public:
  explicit Reader(const GgufFile& file) : file_(file) {}

  std::optional<std::string> text(std::string_view key) { return take(file_.text_value(key)); }

  std::optional<int> count(std::string_view key, int most) {
    const auto value = take(file_.unsigned_value(key));
    if (!value) return std::nullopt;
    if (*value < 1 || *value > static_cast<std::uint64_t>(most))
      refuse(fmt::format("{} is {}", key, *value), fmt::format("it must be 1 to {}", most));
    return error_ ? 0 : static_cast<int>(*value);
  }

  int required(std::string_view key, int most) {
    const auto value = count(key, most);
    if (!value)
      refuse(fmt::format("the file has no {}", key), "a llama model cannot run without it");
    return value.value_or(0);
  }

  // A finite number, `least` or more; 1 after an error.
  float real(std::string_view key, std::optional<float> otherwise, float least) {
    const auto value = take(file_.real_value(key));
    if (!value) {
      if (!otherwise)
        refuse(fmt::format("the file has no {}", key), "a llama model cannot run without it");
      return otherwise.value_or(1.0f);
    }
    const float narrowed = static_cast<float>(*value);
    if (!std::isfinite(narrowed) || narrowed < least)
      refuse(fmt::format("{} is {}", key, *value),
             fmt::format("it must be a finite number, {} or more", least));
    return error_ ? 1.0f : narrowed;
  }

  void refuse(std::string what, std::string why, ErrorKind kind = ErrorKind::invalid_input,
              std::string fix = "convert the model again, or get the file from another source") {
    if (!error_) error_ = Error{kind, std::move(what), std::move(why), std::move(fix)};
  }

  std::optional<Error> error() const { return error_; }

 private:
  template <class T>
  std::optional<T> take(Result<std::optional<T>> value) {
    if (value) return *std::move(value);
    if (!error_) error_ = std::move(value).error();
    return std::nullopt;
  }

  const GgufFile& file_;
  std::optional<Error> error_;
};

std::optional<Error> check_kind(const GgufFile& file) {
  Reader reader(file);
  const auto architecture = reader.text("general.architecture");
  const auto parts = reader.count("split.count", 65535);
  if (reader.error()) return reader.error();
  if (!architecture)
    return Error{ErrorKind::invalid_input, "the file has no general.architecture",
                 "it does not say which kind of model it holds", "convert the model again"};
  if (*architecture != "llama")
    return Error{ErrorKind::unsupported, fmt::format("architecture \"{}\"", *architecture),
                 "this engine runs: llama", "choose a model of a supported architecture"};
  if (parts.value_or(1) > 1)
    return Error{ErrorKind::unsupported, fmt::format("the model is split into {} files", *parts),
                 "this engine reads models in one file", "merge them (llama-gguf-split --merge)"};
  return std::nullopt;
}

void read_attention(Reader& reader, LlamaConfig& config) {
  config.heads = reader.required("llama.attention.head_count", kMaxHeads);
  config.kv_heads = reader.count("llama.attention.head_count_kv", kMaxHeads).value_or(config.heads);
  if (reader.error()) return;
  if (config.heads % config.kv_heads != 0)
    reader.refuse(fmt::format("{} heads share {} key-value heads", config.heads, config.kv_heads),
                  "the first must be a multiple of the second");
  const int length = config.embedding_length / config.heads;
  const auto key = reader.count("llama.attention.key_length", kMaxHeadLength);
  const auto value = reader.count("llama.attention.value_length", kMaxHeadLength);
  config.head_length = key.value_or(length);
  if (!key && config.embedding_length % config.heads != 0)
    reader.refuse(fmt::format("an embedding of {} does not divide among {} heads",
                              config.embedding_length, config.heads),
                  "and the file has no llama.attention.key_length");
  if (config.head_length > kMaxHeadLength || config.head_length < 2 || config.head_length % 2 != 0)
    reader.refuse(fmt::format("heads of length {}", config.head_length),
                  fmt::format("it must be even, 2 to {}", kMaxHeadLength));
  if (value.value_or(length) != config.head_length)
    reader.refuse(fmt::format("keys of length {}, values of length {}", config.head_length,
                              value.value_or(length)),
                  "this engine runs models where both are equal", ErrorKind::unsupported,
                  "choose another model");
  config.attention_scale = reader.real(
      "llama.attention.scale", 1.0f / std::sqrt(static_cast<float>(config.head_length)), 1e-6f);
}

void read_rope(Reader& reader, LlamaConfig& config) {
  const int dimensions =
      reader.count("llama.rope.dimension_count", kMaxHeadLength).value_or(config.head_length);
  if (dimensions != config.head_length)
    reader.refuse(fmt::format("llama.rope.dimension_count is {}", dimensions),
                  fmt::format("in a llama model it is the head's length, {}", config.head_length));
  // Below 1 the angles would grow without bound.
  config.rope_base = reader.real("llama.rope.freq_base", 10000.0f, 1.0f);
  const auto scaling = reader.text("llama.rope.scaling.type").value_or("linear");
  const float old_factor = reader.real("llama.rope.scale_linear", 1.0f, 1.0f);
  const float factor = reader.real("llama.rope.scaling.factor", old_factor, 1.0f);
  if (scaling != "none" && scaling != "linear")
    reader.refuse(fmt::format("rope scaling \"{}\"", scaling), "this engine runs: none, linear",
                  ErrorKind::unsupported, "choose a model without it");
  if (scaling == "linear") config.rope_frequency_scale = 1.0f / factor;
}

}  // namespace

Result<LlamaConfig> read_llama_config(const GgufFile& file) {
  if (auto error = check_kind(file)) return fail(*std::move(error));
  Reader reader(file);
  LlamaConfig config;
  config.layers = reader.required("llama.block_count", kMaxLayers);
  config.embedding_length = reader.required("llama.embedding_length", kMaxEmbedding);
  config.feed_forward_length = reader.required("llama.feed_forward_length", kMaxFeedForward);
  config.context_length = reader.required("llama.context_length", kMaxContext);
  config.rms_epsilon = reader.real("llama.attention.layer_norm_rms_epsilon", std::nullopt, 1e-30f);
  read_attention(reader, config);
  if (!reader.error()) read_rope(reader, config);
  if (file.find("llama.expert_count") != nullptr &&
      file.unsigned_value("llama.expert_count").value_or(1).value_or(0) > 0)
    reader.refuse("a mixture of experts", "this engine runs dense llama models",
                  ErrorKind::unsupported, "choose a model without experts");
  if (reader.error()) return fail(*reader.error());

  const TensorInfo* embedding = file.tensor("token_embd.weight");
  if (embedding == nullptr || embedding->ne.size() != 2)
    return fail(ErrorKind::invalid_input, "the file has no matrix token_embd.weight",
                "it may hold only a vocabulary", "get the whole model");
  if (embedding->ne[1] > kMaxVocabulary)
    return fail(ErrorKind::invalid_input,
                fmt::format("a vocabulary of {} tokens", embedding->ne[1]),
                fmt::format("at most {} are read", kMaxVocabulary), "get the file again");
  config.vocabulary_size = static_cast<int>(embedding->ne[1]);
  config.tied_output = file.tensor("output.weight") == nullptr;
  return config;
}

}  // namespace pennyweight::llm
