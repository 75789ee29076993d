#include "local_backend/quantize_model.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/gguf/gguf_writer.h"
#include "local_backend/runtime/thread_team.h"

namespace pennyweight::llm {
namespace {

// Whole blocks of every type. A piece is what is written at once, a chunk what a thread converts.
constexpr std::uint64_t kChunk = 1u << 16, kPiece = 64 * kChunk;
constexpr std::uint64_t kQuantizationVersion = 2;

Result<std::uint64_t> number(const GgufFile& file, const std::string& key,
                             std::uint64_t otherwise) {
  const GgufValue* value = file.find(key);
  const auto* array =
      value == nullptr ? nullptr : std::get_if<std::shared_ptr<const GgufArray>>(value);
  if (array != nullptr && !(*array)->integers.empty() && (*array)->integers[0] >= 0) {
    return static_cast<std::uint64_t>((*array)->integers[0]);  // of the first layer
  }
  auto found = file.unsigned_value(key);
  if (!found) return fail(found.error());
  return found->value_or(otherwise);
}

Result<MixtureModel> mixture_model(const GgufFile& file) {
  const auto architecture = file.text_value("general.architecture");
  if (!architecture) return fail(architecture.error());
  const std::string prefix = architecture->value_or("") + ".";
  const auto layers = number(file, prefix + "block_count", 0);
  const auto heads = number(file, prefix + "attention.head_count", 1);
  const auto kv_heads = number(file, prefix + "attention.head_count_kv", heads.value_or(1));
  const auto experts = number(file, prefix + "expert_count", 0);
  for (const auto* value : {&layers, &heads, &kv_heads, &experts}) {
    if (!*value) return fail(value->error());
    if (**value > 65535) {
      return fail(ErrorKind::invalid_input, fmt::format("{} layers, heads or experts", **value),
                  "no model has so many", "get the file again");
    }
  }
  if (*layers == 0) {
    return fail(ErrorKind::invalid_input, fmt::format("the file has no {}block_count", prefix),
                "it holds no language model", "name a model's file");
  }
  MixtureModel model;
  model.layers = static_cast<int>(*layers);
  model.heads_per_kv = *kv_heads == 0 ? 0 : static_cast<int>(*heads / *kv_heads);
  model.experts = static_cast<int>(*experts);
  model.llama_70b = prefix == "llama." && *layers == 80 && *heads != *kv_heads;
  return model;
}

Result<std::vector<TensorType>> plan_types(const GgufFile& file, const QuantizeOptions& options) {
  const auto model = mixture_model(file);
  if (!model) return fail(model.error());
  std::vector<MixtureShape> shapes;
  for (const TensorInfo& tensor : file.tensors()) shapes.push_back({tensor.name, tensor.ne});
  const auto chosen = choose_types(shapes, *model, options.mixture, options.pure);
  std::vector<TensorType> types;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const TensorInfo& tensor = file.tensors()[i];
    const BlockFormat& format = *block_format(tensor.type);
    types.push_back(chosen[i].value_or(tensor.type));
    if (types.back() != tensor.type && !format.supported) {
      return fail(ErrorKind::unsupported, fmt::format("tensor {} is {}", tensor.name, format.name),
                  "read are " + supported_types(), "begin with the model's F16 or BF16 file");
    }
  }
  return types;
}

// Converts pieces of tensors with all threads. A chunk is read, widened and rounded by one of them.
class Converter {
 public:
  Converter(const GgufFile& file, int threads)
      : file_(file), team_(threads), scratch_(static_cast<std::size_t>(threads)) {
    for (Scratch& one : scratch_) {
      one.bytes.resize(kChunk * sizeof(float));
      one.values.resize(kChunk);
    }
  }

  // `out` is that of elements first .. first + count of the new tensor.
  Result<void> convert(const TensorInfo& from, TensorType to, std::uint64_t first,
                       std::uint64_t count, std::span<std::byte> out) {
    if (from.type == to) return file_.read_tensor(from, *row_bytes(to, first), out);
    std::atomic<std::uint64_t> next{0};
    failure_.reset();
    team_.run([&](int member) {
      Scratch& scratch = scratch_[static_cast<std::size_t>(member)];
      while (true) {
        const std::uint64_t begin = kChunk * next.fetch_add(1);
        if (begin >= count) return;
        const std::uint64_t n = std::min(kChunk, count - begin);
        const auto target = out.subspan(*row_bytes(to, begin), *row_bytes(to, n));
        if (auto done = convert_chunk(from, to, first + begin, n, scratch, target); !done) {
          keep(first + begin, std::move(done).error());
        }
      }
    });
    if (!failure_) return {};
    failure_->second.what = fmt::format("tensor {}, from element {} on: {}", from.name,
                                        failure_->first, failure_->second.what);
    return fail(failure_->second);
  }

 private:
  struct Scratch {
    std::vector<std::byte> bytes;
    std::vector<float> values;
  };

  Result<void> convert_chunk(const TensorInfo& from, TensorType to, std::uint64_t first,
                             std::uint64_t count, Scratch& scratch,
                             std::span<std::byte> out) const {
    const auto bytes = std::span(scratch.bytes).first(*row_bytes(from.type, count));
    const auto values = std::span(scratch.values).first(count);
    if (auto read = file_.read_tensor(from, *row_bytes(from.type, first), bytes); !read)
      return read;
    if (auto widened = dequantize(from.type, bytes, values); !widened) return widened;
    return quantize(to, values, out);
  }

  void keep(std::uint64_t element, Error error) {  // the first in the tensor, whoever meets it
    const std::lock_guard lock(mutex_);
    if (!failure_ || element < failure_->first) failure_.emplace(element, std::move(error));
  }

  const GgufFile& file_;
  ThreadTeam team_;
  std::vector<Scratch> scratch_;
  std::mutex mutex_;
  std::optional<std::pair<std::uint64_t, Error>> failure_;
};

Result<void> copy_metadata(const GgufFile& file, Mixture mixture, GgufWriter& writer) {
  for (std::size_t i = 0; i < file.metadata().size(); ++i) {
    const std::string& key = file.metadata()[i].first;
    if (key.rfind("split.", 0) == 0) continue;
    auto bytes = file.encoded_value(i);
    if (!bytes) return fail(bytes.error());
    writer.set_encoded(key, *std::move(bytes));
  }
  writer.set("general.quantization_version", kQuantizationVersion);
  writer.set("general.file_type", std::uint64_t{static_cast<std::uint32_t>(mixture)});
  return {};
}

QuantizeSummary summarize(const GgufFile& file, const std::vector<TensorType>& types) {
  QuantizeSummary summary;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const TensorInfo& tensor = file.tensors()[i];
    summary.elements += tensor.elements();
    summary.bytes_before += tensor.bytes;
    summary.bytes_after += *row_bytes(types[i], tensor.elements());
    ++summary.types[block_format(types[i])->name];
    const bool rounded = block_format(tensor.type)->elements > 1;
    summary.from_quantized = summary.from_quantized || (rounded && types[i] != tensor.type);
  }
  return summary;
}

}  // namespace

Result<QuantizeSummary> quantize_model(const std::filesystem::path& from,
                                       const std::filesystem::path& to,
                                       const QuantizeOptions& options) {
  const auto file = GgufFile::open(from);
  if (!file) return fail(file.error());
  const auto types = plan_types(*file, options);
  if (!types) return fail(types.error());
  const QuantizeSummary summary = summarize(*file, *types);

  GgufWriter writer;
  if (auto copied = copy_metadata(*file, options.mixture, writer); !copied) {
    return fail(copied.error());
  }
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  Converter converter(*file, std::max(1, options.threads > 0 ? options.threads : cores));
  std::uint64_t done = 0;
  for (std::size_t i = 0; i < types->size(); ++i) {
    const TensorInfo& tensor = file->tensors()[i];
    const TensorType type = (*types)[i];
    const auto fill = [&, type](std::uint64_t offset, std::span<std::byte> out) -> Result<void> {
      const BlockFormat& format = *block_format(type);
      const std::uint64_t first = offset / format.bytes * format.elements;
      const std::uint64_t count = out.size() / format.bytes * format.elements;
      auto converted = converter.convert(tensor, type, first, count, out);
      if (!converted) return converted;
      done += count;
      if (options.progress && !options.progress(done, summary.elements)) {
        return fail(ErrorKind::interrupted, "stopped before the model was whole",
                    "the new file was taken away", "begin again when there is time for it");
      }
      return {};
    };
    writer.add_tensor_in_pieces(tensor.name, tensor.ne, type, *row_bytes(type, kPiece), fill);
  }
  if (auto written = writer.write(to); !written) return fail(written.error());
  return summary;
}

}  // namespace pennyweight::llm
