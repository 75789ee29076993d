#include "local_backend/model_facts.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "local_backend/model/kv_cache.h"
#include "local_backend/model/model_weights.h"
#include "local_backend/model_source.h"

namespace pennyweight::llm {
namespace {

// A key of another kind is no name.
std::string text_of(const GgufFile& file, std::string_view key, std::string otherwise) {
  return file.text_value(key).value_or(std::nullopt).value_or(std::move(otherwise));
}

void add_types(const GgufFile& file, ModelFacts& facts) {
  std::map<TensorType, TypeShare> shares;
  std::uint64_t elements = 0, bytes = 0;
  for (const TensorInfo& tensor : file.tensors()) {
    TypeShare& share = shares[tensor.type];
    ++share.tensors;
    share.parameters += tensor.elements();
    share.bytes += tensor.bytes;
    elements += tensor.elements();
    bytes += tensor.bytes;
  }
  for (auto& [type, share] : shares) {
    share.type = block_format(type)->name;  // the file would not have been read without
    facts.types.push_back(std::move(share));
  }
  std::ranges::stable_sort(facts.types, [](const TypeShare& a, const TypeShare& b) {
    return a.parameters > b.parameters;
  });
  facts.info.parameters = elements;
  if (elements > 0)
    facts.bits_per_weight = 8.0 * static_cast<double>(bytes) / static_cast<double>(elements);
}

std::optional<Error> add_model(const std::filesystem::path& path, const GgufFile& file,
                               ModelFacts& facts) {
  const auto config = read_model_config(file);
  if (!config) return config.error();
  const auto sizes = measure_weights(file, *config);
  if (!sizes) return sizes.error();
  facts.info = describe_model(path, file, *config, *sizes);
  facts.packed_bytes = sizes->packed_bytes;
  return std::nullopt;
}

std::optional<Error> add_text(const GgufFile& file, ModelFacts& facts) {
  const auto tokenizer = Tokenizer::load(file);
  if (!tokenizer) return tokenizer.error();
  facts.tokenizer = tokenizer->description();
  facts.tokenizer_guessed = tokenizer->guessed();
  const auto chat = ChatTemplate::load(file, *tokenizer);
  if (!chat) return chat.error();
  facts.info.chat_template = chat->name();
  facts.info.chat_template_sha256 = chat->hash();
  facts.info.chat_template_note = chat->fallback_reason();
  return std::nullopt;
}

}  // namespace

std::uint64_t ModelFacts::memory(int context_tokens) const {
  if (refusal || context_tokens <= 0) return 0;
  const auto blocks = KvPool::blocks_for(static_cast<std::size_t>(context_tokens));
  return packed_bytes + blocks * kKvBlock * info.kv_bytes_per_token;
}

Result<ModelFacts> read_model_facts(const std::filesystem::path& path) {
  const auto file = open_model(path);
  if (!file) return fail(file.error());
  ModelFacts facts;
  facts.info.path = path.string();
  facts.info.name = text_of(*file, "general.name", path.stem().string());
  facts.info.architecture = text_of(*file, "general.architecture", "");
  facts.info.file_bytes = file->file_size();
  add_types(*file, facts);
  facts.refusal = add_model(path, *file, facts);
  const auto text_refusal = add_text(*file, facts);
  if (!facts.refusal) facts.refusal = text_refusal;
  return facts;
}

ModelInfo describe_model(const std::filesystem::path& path, const GgufFile& file,
                         const ModelConfig& config, const WeightSizes& sizes) {
  ModelInfo info;
  info.path = path.string();
  info.name = text_of(file, "general.name", path.stem().string());
  info.architecture = config.architecture->name;
  info.quantization = sizes.quantization;
  info.file_bytes = file.file_size();
  info.parameters = sizes.parameters;
  info.weight_bytes = sizes.bytes_per_token;
  info.kv_bytes_per_token = KvPool::block_bytes(config) / kKvBlock;
  info.layers = static_cast<int>(config.layers.size());
  info.embedding_length = config.embedding_length;
  info.heads = config.heads;
  info.kv_heads = config.kv_heads;
  info.head_length = config.head_length;
  info.feed_forward_length = config.feed_forward_length;
  info.vocabulary_size = config.vocabulary_size;
  info.context_limit = config.context_length;
  return info;
}

}  // namespace pennyweight::llm
