#include "local_backend/model/llama_weights.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "local_backend/model/packed_matrix.h"

namespace pennyweight::llm {
namespace {

// A tensor that the architecture calls for, and where it goes: a matrix, or a vector of f32.
struct Wanted {
  std::string name;
  std::vector<std::uint64_t> ne;
  PackedMatrix* matrix = nullptr;
  const float** vector = nullptr;
};

// Also resizes weights.layers. The pointers point into `weights`.
std::vector<Wanted> wanted_tensors(const LlamaConfig& c, LlamaWeights& weights) {
  const auto size = [](int n) { return static_cast<std::uint64_t>(n); };
  const auto embedding = size(c.embedding_length), hidden = size(c.feed_forward_length);
  const auto query = size(c.query_length()), kv = size(c.kv_length());
  const auto vocabulary = size(c.vocabulary_size);
  weights.layers.resize(static_cast<std::size_t>(c.layers));
  std::vector<Wanted> wanted;
  wanted.push_back({"token_embd.weight", {embedding, vocabulary}, &weights.embedding});
  wanted.push_back({"output_norm.weight", {embedding}, nullptr, &weights.output_norm});
  if (!c.tied_output) wanted.push_back({"output.weight", {embedding, vocabulary}, &weights.output});
  for (int i = 0; i < c.layers; ++i) {
    LlamaLayer& layer = weights.layers[size(i)];
    const auto name = [i](const char* part) { return fmt::format("blk.{}.{}.weight", i, part); };
    wanted.push_back({name("attn_norm"), {embedding}, nullptr, &layer.attention_norm});
    wanted.push_back({name("attn_q"), {embedding, query}, &layer.query});
    wanted.push_back({name("attn_k"), {embedding, kv}, &layer.key});
    wanted.push_back({name("attn_v"), {embedding, kv}, &layer.value});
    wanted.push_back({name("attn_output"), {query, embedding}, &layer.attention_output});
    wanted.push_back({name("ffn_norm"), {embedding}, nullptr, &layer.feed_forward_norm});
    wanted.push_back({name("ffn_gate"), {embedding, hidden}, &layer.gate});
    wanted.push_back({name("ffn_up"), {embedding, hidden}, &layer.up});
    wanted.push_back({name("ffn_down"), {hidden, embedding}, &layer.down});
  }
  return wanted;
}

std::string shape(const std::vector<std::uint64_t>& ne) {
  return fmt::format("{}", fmt::join(ne, " x "));
}

std::string type_name(TensorType type) {
  const BlockFormat* format = block_format(type);
  return format != nullptr ? std::string(format->name)
                           : fmt::format("type {}", static_cast<std::uint32_t>(type));
}

std::optional<Error> check(const GgufFile& file, const Wanted& wanted) {
  const TensorInfo* tensor = file.tensor(wanted.name);
  if (tensor == nullptr)
    return Error{ErrorKind::invalid_input, fmt::format("the file has no tensor {}", wanted.name),
                 "its metadata call for it", "get the file again, or convert the model again"};
  if (tensor->ne != wanted.ne)
    return Error{ErrorKind::invalid_input,
                 fmt::format("tensor {} is {}", wanted.name, shape(tensor->ne)),
                 fmt::format("the file's metadata call for {}", shape(wanted.ne)),
                 "get the file again, or convert the model again"};
  if (wanted.matrix == nullptr && tensor->type != TensorType::f32)
    return Error{ErrorKind::unsupported,
                 fmt::format("tensor {} is {}", wanted.name, type_name(tensor->type)),
                 "norms are F32", "convert the model again"};
  if (panel_bytes(tensor->type, 32) == 0)
    return Error{ErrorKind::unsupported,
                 fmt::format("tensor {} is {}", wanted.name, type_name(tensor->type)),
                 "this engine runs: F32, F16, Q8_0, Q4_0",
                 "choose a file with one of these types (llama-quantize --pure makes one)"};
  return std::nullopt;
}

constexpr std::string_view kRopeDivisors = "rope_freqs.weight";

std::optional<Error> check_divisors(const GgufFile& file, const LlamaConfig& config) {
  if (file.tensor(kRopeDivisors) == nullptr) return std::nullopt;
  std::vector<std::uint64_t> ne = {static_cast<std::uint64_t>(config.head_length / 2)};
  return check(file, {std::string(kRopeDivisors), std::move(ne)});
}

std::uint64_t packed_size(const TensorInfo& tensor) {
  if (tensor.ne.size() == 1) return MemoryArena::aligned(tensor.bytes);
  return panel_count(tensor.ne[1]) * panel_bytes(tensor.type, tensor.ne[0]);
}

// Panels [first, last) of `tensor`, about 1 MiB of file at a time.
Result<void> pack_panels(const GgufFile& file, const TensorInfo& tensor, const PackedMatrix& matrix,
                         std::byte* destination, std::size_t first, std::size_t last) {
  const std::size_t row = tensor.bytes / matrix.rows;
  const std::size_t batch = std::max<std::size_t>(1, (1u << 20) / (row * kPanelRows));
  std::vector<std::byte> buffer(std::min(batch, last - first) * kPanelRows * row);
  for (std::size_t panel = first; panel < last; panel += batch) {
    const std::size_t begin = panel * kPanelRows * row;
    const std::size_t end = std::min(std::min(panel + batch, last) * kPanelRows, matrix.rows) * row;
    const std::span<std::byte> rows(buffer.data(), end - begin);
    if (auto read = file.read_tensor(tensor, begin, rows); !read) return read;
    for (std::size_t at = 0; at < rows.size(); at += kPanelRows * row) {
      const std::size_t index = panel + at / (kPanelRows * row);
      pack_panel(matrix.type, matrix.columns,
                 rows.subspan(at, std::min(kPanelRows * row, rows.size() - at)),
                 {destination + index * matrix.panel_bytes, matrix.panel_bytes});
    }
  }
  return {};
}

Result<PackedMatrix> load_matrix(const GgufFile& file, const TensorInfo& tensor, MemoryArena& arena,
                                 ThreadTeam& team) {
  PackedMatrix matrix;
  matrix.type = tensor.type;
  matrix.columns = tensor.ne[0];
  matrix.rows = tensor.ne[1];
  matrix.panel_bytes = panel_bytes(matrix.type, matrix.columns);
  std::byte* destination = arena.take(packed_size(tensor));
  if (destination == nullptr)
    return fail(ErrorKind::internal, "the weights need more memory than was reserved");
  matrix.data = destination;
  std::mutex mutex;
  Result<void> outcome;
  team.run([&](int member) {
    const auto [first, last] = ThreadTeam::share(panel_count(matrix.rows), member, team.size());
    if (first == last) return;
    auto packed = pack_panels(file, tensor, matrix, destination, first, last);
    const std::scoped_lock lock(mutex);
    if (!packed) outcome = std::move(packed);
  });
  if (!outcome) return fail(std::move(outcome).error());
  return matrix;
}

Result<const float*> load_vector(const GgufFile& file, const TensorInfo& tensor,
                                 MemoryArena& arena) {
  std::byte* destination = arena.take(tensor.bytes);
  if (destination == nullptr)
    return fail(ErrorKind::internal, "the weights need more memory than was reserved");
  if (auto read = file.read_tensor(tensor, {destination, tensor.bytes}); !read)
    return fail(std::move(read).error());
  return reinterpret_cast<const float*>(destination);
}

std::string common_type(const std::vector<Wanted>& wanted) {
  const TensorType type = wanted.front().matrix->type;
  const bool same = std::ranges::all_of(
      wanted, [type](const Wanted& w) { return w.matrix == nullptr || w.matrix->type == type; });
  return same ? type_name(type) : "mixed";
}

Result<std::vector<float>> load_divisors(const GgufFile& file) {
  const TensorInfo* tensor = file.tensor(kRopeDivisors);
  if (tensor == nullptr) return std::vector<float>();
  std::vector<float> divisors(tensor->elements());
  if (auto read = file.read_tensor(*tensor, std::as_writable_bytes(std::span(divisors))); !read)
    return fail(std::move(read).error());
  // The smallest keeps angles within what the sine reduces exactly.
  if (!std::ranges::all_of(divisors, [](float d) { return d >= 0.5f && d <= 1e6f; }))
    return fail(ErrorKind::invalid_input, "rope_freqs.weight holds a value outside 0.5 to 1000000",
                "angles are divided by it", "get the file again, or convert the model again");
  return divisors;
}

}  // namespace

Result<std::uint64_t> packed_bytes(const GgufFile& file, const LlamaConfig& config) {
  LlamaWeights unused;
  const auto wanted = wanted_tensors(config, unused);
  std::uint64_t bytes = 0;
  for (const Wanted& one : wanted) {
    if (auto error = check(file, one)) return fail(*std::move(error));
    bytes += packed_size(*file.tensor(one.name));
  }
  if (auto error = check_divisors(file, config)) return fail(*std::move(error));
  for (const TensorInfo& tensor : file.tensors())
    if (tensor.name != kRopeDivisors &&
        std::ranges::none_of(wanted, [&](const Wanted& w) { return w.name == tensor.name; }))
      return fail(ErrorKind::unsupported, fmt::format("tensor {}", tensor.name),
                  "this engine's llama does not use it, so the answers would be wrong",
                  "choose a model without it");
  return bytes;
}

Result<LlamaWeights> load_weights(const GgufFile& file, const LlamaConfig& config,
                                  ThreadTeam& team) {
  const auto bytes = packed_bytes(file, config);
  if (!bytes) return fail(bytes.error());
  LlamaWeights weights;
  auto arena = MemoryArena::reserve(*bytes);
  if (!arena) return fail(std::move(arena).error());
  weights.arena = *std::move(arena);
  const auto wanted = wanted_tensors(config, weights);
  for (const Wanted& one : wanted) {
    const TensorInfo& tensor = *file.tensor(one.name);
    weights.parameters += tensor.elements();
    if (one.matrix != nullptr) {
      auto matrix = load_matrix(file, tensor, weights.arena, team);
      if (!matrix) return fail(std::move(matrix).error());
      *one.matrix = *matrix;
    } else {
      auto vector = load_vector(file, tensor, weights.arena);
      if (!vector) return fail(std::move(vector).error());
      *one.vector = *vector;
    }
  }
  auto divisors = load_divisors(file);
  if (!divisors) return fail(std::move(divisors).error());
  weights.rope_divisors = *std::move(divisors);
  weights.quantization = common_type(wanted);
  weights.bytes_per_token = *bytes;
  if (config.tied_output)
    weights.output = weights.embedding;
  else
    weights.bytes_per_token -= packed_size(*file.tensor("token_embd.weight"));
  return weights;
}

}  // namespace pennyweight::llm
