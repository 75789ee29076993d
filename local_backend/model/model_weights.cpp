#include "local_backend/model/model_weights.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <set>
#include <span>

#include <fmt/format.h>

#include "local_backend/model/packed_matrix.h"
#include "local_backend/model/wanted_tensors.h"

namespace pennyweight::llm {
namespace {

std::string shape(const std::vector<std::uint64_t>& ne) {
  return fmt::format("{}", fmt::join(ne, " x "));
}

std::string type_name(TensorType type) {
  const BlockFormat* format = block_format(type);
  return format != nullptr ? std::string(format->name)
                           : fmt::format("type {}", static_cast<std::uint32_t>(type));
}

std::optional<Error> check(const TensorInfo& tensor, const WantedTensor& wanted) {
  if (tensor.ne != wanted.ne)
    return Error{ErrorKind::invalid_input,
                 fmt::format("tensor {} is {}", wanted.name, shape(tensor.ne)),
                 fmt::format("the file's metadata call for {}", shape(wanted.ne)),
                 "get the file again, or convert the model again"};
  if (!wanted.is_matrix() && tensor.type != TensorType::f32)
    return Error{ErrorKind::unsupported,
                 fmt::format("tensor {} is {}", wanted.name, type_name(tensor.type)),
                 "norms and biases are F32", "convert the model again"};
  if (panel_bytes(tensor.type, tensor.ne[0]) == 0)
    return Error{ErrorKind::unsupported,
                 fmt::format("tensor {} is {}", wanted.name, type_name(tensor.type)),
                 "this engine runs: " + supported_types(),
                 "choose another file of the model, or make one with `pennyweight model quantize`"};
  return std::nullopt;
}

std::optional<Error> missing(const WantedTensor& wanted) {
  return Error{ErrorKind::invalid_input, fmt::format("the file has no tensor {}", wanted.name),
               "its metadata call for it", "get the file again, or convert the model again"};
}

// "" when the rotation is divided by nothing.
std::string_view divisors_name(const GgufFile& file, const ModelConfig& config, int context) {
  if (file.tensor("rope_freqs.weight") != nullptr) return "rope_freqs.weight";
  const bool is_long = context > config.rotations.front().original_context;
  const std::string_view name = is_long ? "rope_factors_long.weight" : "rope_factors_short.weight";
  return file.tensor(name) != nullptr ? name : "";
}

constexpr std::string_view kDivisors[] = {"rope_freqs.weight", "rope_factors_long.weight",
                                          "rope_factors_short.weight"};

std::optional<Error> check_divisors(const GgufFile& file, const ModelConfig& config) {
  const auto pairs = static_cast<std::uint64_t>(config.rotations.front().dimensions / 2);
  const float* unused = nullptr;
  for (const std::string_view name : kDivisors)
    if (const TensorInfo* tensor = file.tensor(name))
      if (auto error = check(*tensor, {std::string(name), {pairs}, {{pairs, nullptr, &unused}}}))
        return error;
  return std::nullopt;
}

// Each part begins a panel of its own.
std::uint64_t packed_size(const TensorInfo& tensor, const WantedTensor& wanted) {
  if (!wanted.is_matrix()) return MemoryArena::aligned(tensor.bytes);
  std::uint64_t bytes = 0;
  for (const TensorPart& part : wanted.parts)
    bytes += panel_count(part.rows) * panel_bytes(tensor.type, tensor.ne[0]);
  return bytes;
}

// Panels [first, last) of the matrix whose rows begin at `first_row` of the tensor, about 1 MiB of
// file at a time.
Result<void> pack_panels(const GgufFile& file, const TensorInfo& tensor, std::uint64_t first_row,
                         const PackedMatrix& matrix, std::byte* destination, std::size_t first,
                         std::size_t last) {
  const std::size_t row = tensor.bytes / tensor.rows();
  const std::size_t batch = std::max<std::size_t>(1, (1u << 20) / (row * kPanelRows));
  std::vector<std::byte> buffer(std::min(batch, last - first) * kPanelRows * row);
  for (std::size_t panel = first; panel < last; panel += batch) {
    const std::size_t begin = panel * kPanelRows * row;
    const std::size_t end = std::min(std::min(panel + batch, last) * kPanelRows, matrix.rows) * row;
    const std::span<std::byte> rows(buffer.data(), end - begin);
    if (auto read = file.read_tensor(tensor, first_row * row + begin, rows); !read) return read;
    for (std::size_t at = 0; at < rows.size(); at += kPanelRows * row) {
      const std::size_t index = panel + at / (kPanelRows * row);
      pack_panel(matrix.type, matrix.columns,
                 rows.subspan(at, std::min(kPanelRows * row, rows.size() - at)),
                 {destination + index * matrix.panel_bytes, matrix.panel_bytes});
    }
  }
  return {};
}

Result<PackedMatrix> load_matrix(const GgufFile& file, const TensorInfo& tensor,
                                 std::uint64_t first_row, std::uint64_t rows, MemoryArena& arena,
                                 ThreadTeam& team) {
  PackedMatrix matrix;
  matrix.type = tensor.type;
  matrix.columns = tensor.ne[0];
  matrix.rows = rows;
  matrix.panel_bytes = panel_bytes(matrix.type, matrix.columns);
  std::byte* destination = arena.take(panel_count(rows) * matrix.panel_bytes);
  if (destination == nullptr)
    return fail(ErrorKind::internal, "the weights need more memory than was reserved");
  matrix.data = destination;
  std::mutex mutex;
  Result<void> outcome;
  team.run([&](int member) {
    const auto [first, last] = ThreadTeam::share(panel_count(matrix.rows), member, team.size());
    if (first == last) return;
    auto packed = pack_panels(file, tensor, first_row, matrix, destination, first, last);
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

std::string common_type(const GgufFile& file, const std::vector<WantedTensor>& wanted) {
  std::optional<TensorType> type;
  for (const WantedTensor& one : wanted) {
    const TensorInfo* tensor = one.is_matrix() ? file.tensor(one.name) : nullptr;
    // Routers stay F32 in a file of any type.
    if (tensor == nullptr || one.name.ends_with("ffn_gate_inp.weight")) continue;
    if (type.value_or(tensor->type) != tensor->type) return "mixed";
    type = tensor->type;
  }
  return type_name(*type);
}

Result<std::vector<float>> load_divisors(const GgufFile& file, const ModelConfig& config,
                                         int context) {
  const std::string_view name = divisors_name(file, config, context);
  const TensorInfo* tensor = file.tensor(name);
  if (tensor == nullptr) return std::vector<float>();
  std::vector<float> divisors(tensor->elements());
  if (auto read = file.read_tensor(*tensor, std::as_writable_bytes(std::span(divisors))); !read)
    return fail(std::move(read).error());
  // The smallest keeps angles within what the sine reduces exactly.
  if (!std::ranges::all_of(divisors, [](float d) { return d >= 0.5f && d <= 1e6f; }))
    return fail(ErrorKind::invalid_input,
                fmt::format("{} holds a value outside 0.5 to 1000000", name),
                "angles are divided by it", "get the file again, or convert the model again");
  return divisors;
}

Result<void> load(const GgufFile& file, const TensorInfo& tensor, const WantedTensor& wanted,
                  ModelWeights& weights, ThreadTeam& team) {
  if (!wanted.is_matrix()) {
    auto vector = load_vector(file, tensor, weights.arena);
    if (!vector) return fail(std::move(vector).error());
    for (const float* at = *vector; const TensorPart& part : wanted.parts) {
      *part.vector = at;
      at += part.rows;
    }
    return {};
  }
  std::uint64_t first_row = 0;
  for (const TensorPart& part : wanted.parts) {
    auto matrix = load_matrix(file, tensor, first_row, part.rows, weights.arena, team);
    if (!matrix) return fail(std::move(matrix).error());
    *part.matrix = *matrix;
    first_row += part.rows;
  }
  return {};
}

}  // namespace

Result<WeightSizes> measure_weights(const GgufFile& file, const ModelConfig& config) {
  ModelWeights unused;
  const auto wanted = wanted_tensors(file, config, unused);
  std::set<std::string_view> used(std::begin(kDivisors), std::end(kDivisors));
  WeightSizes sizes;
  for (const WantedTensor& one : wanted) {
    used.insert(one.name);
    const TensorInfo* tensor = file.tensor(one.name);
    if (tensor == nullptr && one.optional) continue;
    if (auto error = tensor == nullptr ? missing(one) : check(*tensor, one))
      return fail(*std::move(error));
    const std::uint64_t bytes = packed_size(*tensor, one);
    sizes.packed_bytes += bytes;
    sizes.parameters += tensor->elements();
    sizes.bytes_per_token += one.of_experts ? bytes / static_cast<std::uint64_t>(config.experts) *
                                                  static_cast<std::uint64_t>(config.experts_used)
                                            : bytes;
  }
  if (!config.tied_output)
    sizes.bytes_per_token -= packed_size(*file.tensor("token_embd.weight"), wanted.front());
  sizes.quantization = common_type(file, wanted);
  if (auto error = check_divisors(file, config)) return fail(*std::move(error));
  for (const TensorInfo& tensor : file.tensors())
    if (!used.contains(tensor.name) && !is_ignored(tensor.name, config))
      return fail(ErrorKind::unsupported, fmt::format("tensor {}", tensor.name),
                  fmt::format("this engine's {} does not use it, so the answers would be wrong",
                              config.architecture->name),
                  "choose a model without it");
  return sizes;
}

Result<ModelWeights> load_weights(const GgufFile& file, const ModelConfig& config,
                                  int context_tokens, ThreadTeam& team) {
  const auto sizes = measure_weights(file, config);
  if (!sizes) return fail(sizes.error());
  ModelWeights weights;
  auto arena = MemoryArena::reserve(sizes->packed_bytes);
  if (!arena) return fail(std::move(arena).error());
  weights.arena = *std::move(arena);
  for (const WantedTensor& one : wanted_tensors(file, config, weights)) {
    const TensorInfo* tensor = file.tensor(one.name);
    if (tensor == nullptr) continue;
    if (auto loaded = load(file, *tensor, one, weights, team); !loaded)
      return fail(std::move(loaded).error());
  }
  auto divisors = load_divisors(file, config, context_tokens);
  if (!divisors) return fail(std::move(divisors).error());
  weights.rope_divisors = *std::move(divisors);
  if (config.tied_output) weights.output = weights.embedding;
  return weights;
}

}  // namespace pennyweight::llm
