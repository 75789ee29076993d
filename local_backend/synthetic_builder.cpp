#include "local_backend/synthetic_builder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <numeric>

#include "local_backend/gguf/gguf_writer.h"
#include "local_backend/quantization/type_mixture.h"
#include "local_backend/synthetic_pool.h"
#include "local_backend/synthetic_tensors.h"
#include "local_backend/synthetic_vocabulary.h"
#include "metrics/base/random.h"

namespace pennyweight::llm {
namespace {

constexpr std::string_view kChatMl =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% endif %}";

std::shared_ptr<const GgufArray> integers(std::vector<std::int64_t> values) {
  return std::make_shared<GgufArray>(
      GgufArray{GgufArray::Kind::integer, std::move(values), {}, {}});
}

std::uint64_t file_type(const SyntheticSpec& spec) {
  return static_cast<std::uint64_t>(spec.mixture.value_or(mixture_of(spec.type)));
}

class ModelBuilder {
 public:
  explicit ModelBuilder(const SyntheticSpec& spec)
      : spec_(spec),
        vocabulary_(synthetic_vocabulary(static_cast<std::size_t>(spec.vocabulary_size))) {}

  const GgufWriter& build() {
    set_metadata();
    set_tokenizer();
    add_tensors();
    return writer_;
  }

 private:
  static std::uint64_t unsigned_of(int value) { return static_cast<std::uint64_t>(value); }

  void set_metadata() {
    writer_.set("general.architecture", spec_.architecture);
    writer_.set("general.name", "synthetic " + readable_name());
    writer_.set("general.file_type", file_type(spec_));
    writer_.set("general.quantization_version", std::uint64_t{2});
    set_shape();
    const auto set = [this](const char* key, double value) { writer_.set(key_of(key), value); };
    set("attention.layer_norm_rms_epsilon", 1e-5);
    set("rope.freq_base", static_cast<double>(spec_.rope_freq_base));
    for (const auto& [key, value] : spec_.keys) writer_.set(key_of(key), value);
  }

  // Readers that find "phi3" or "phi-3" in the name expect Phi's own special tokens.
  std::string readable_name() const {
    std::string name = spec_.name;
    for (const std::string_view spelling : {"hi3", "hi-3"}) {
      const std::size_t at = name.find(spelling);
      if (at != std::string::npos) name.replace(at, spelling.size(), "hi 3");
    }
    return name;
  }

  void set_shape() {
    const auto set = [this](const char* key, int value) {
      writer_.set(key_of(key), unsigned_of(value));
    };
    set("vocab_size", spec_.vocabulary_size);
    set("context_length", spec_.context_length);
    set("embedding_length", spec_.embedding_length);
    set("block_count", spec_.layers + spec_.ignored_layers);
    set("feed_forward_length", spec_.feed_forward_length);
    const bool own_length = spec_.head_length > 0;
    set("rope.dimension_count",
        own_length ? spec_.head_length : spec_.embedding_length / spec_.heads);
    set("attention.head_count", spec_.heads);
    set("attention.head_count_kv", spec_.kv_heads);
    if (own_length) {
      set("attention.key_length", spec_.head_length);
      set("attention.value_length", spec_.head_length);
    }
    if (spec_.ignored_layers > 0) set("nextn_predict_layers", spec_.ignored_layers);
    if (spec_.experts > 0) {
      set("expert_count", spec_.experts);
      set("expert_used_count", spec_.experts_used);
    }
    if (spec_.expert_feed_forward_length > 0) {
      set("expert_feed_forward_length", spec_.expert_feed_forward_length);
    }
  }

  std::string key_of(const std::string& key) const { return spec_.architecture + "." + key; }

  void set_tokenizer() {
    const auto id = [](std::int32_t token) { return static_cast<std::uint64_t>(token); };
    writer_.set("tokenizer.ggml.model", std::string("llama"));
    writer_.set("tokenizer.ggml.pre", std::string("default"));
    writer_.set("tokenizer.ggml.tokens", std::make_shared<GgufArray>(GgufArray{
                                             GgufArray::Kind::text, {}, {}, vocabulary_.texts}));
    writer_.set("tokenizer.ggml.scores", std::make_shared<GgufArray>(GgufArray{
                                             GgufArray::Kind::real, {}, vocabulary_.scores, {}}));
    writer_.set("tokenizer.ggml.token_type", integers(vocabulary_.types));
    writer_.set("tokenizer.ggml.bos_token_id", id(vocabulary_.bos));
    writer_.set("tokenizer.ggml.eos_token_id", id(vocabulary_.eos));
    writer_.set("tokenizer.ggml.eot_token_id", id(vocabulary_.end_of_turn));
    writer_.set("tokenizer.ggml.unknown_token_id", id(vocabulary_.unknown));
    writer_.set("tokenizer.ggml.add_bos_token", true);
    writer_.set("tokenizer.ggml.add_eos_token", false);
    writer_.set("tokenizer.chat_template", std::string(kChatMl));
  }

  void add_tensors() {
    const std::vector<SyntheticTensor> tensors = synthetic_tensors(spec_);
    const auto types = mixed_types(tensors);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      add(tensors[i], spec_.mixture ? types[i].value_or(TensorType::f32) : spec_.type);
    }
  }

  std::vector<std::optional<TensorType>> mixed_types(
      const std::vector<SyntheticTensor>& tensors) const {
    if (!spec_.mixture) return {};
    std::vector<MixtureShape> shapes;
    for (const SyntheticTensor& tensor : tensors) shapes.push_back({tensor.name, tensor.ne});
    const bool llama_70b =
        spec_.architecture == "llama" && spec_.layers == 80 && spec_.heads != spec_.kv_heads;
    const MixtureModel model = {spec_.layers + spec_.ignored_layers, spec_.heads / spec_.kv_heads,
                                spec_.experts, llama_70b};
    return choose_types(shapes, model, *spec_.mixture, false);
  }

  void add(const SyntheticTensor& tensor, TensorType type) {
    using Kind = SyntheticTensor::Kind;
    switch (tensor.kind) {
      case Kind::embedding:
        return spec_.margin > 0 ? add_embedding(tensor, type) : add_matrix(tensor, type);
      case Kind::head:
        return spec_.margin > 0 ? add_predicting_head(tensor, type) : add_matrix(tensor, type);
      case Kind::matrix:
        return add_matrix(tensor, type);
      case Kind::router:
        return add_matrix(tensor, TensorType::f32);
      case Kind::norm:
        return add_vector(tensor, 1, 0.5);
      case Kind::bias:
        return add_vector(tensor, 0, -0.5);
      case Kind::given:
        return add_rows(tensor, TensorType::f32,
                        [given = spec_.vectors[tensor.given].second](
                            std::uint64_t, std::vector<float>& values) { values = given; });
    }
  }

  // Uniform from `least` to `least` + 1 where vectors are random.
  void add_vector(const SyntheticTensor& tensor, float plain, double least) {
    if (!spec_.random_vectors) {
      return add_rows(tensor, TensorType::f32, [plain](std::uint64_t, std::vector<float>& values) {
        std::ranges::fill(values, plain);
      });
    }
    add_rows(tensor, TensorType::f32,
             [random = Random(spec_.seed, Stream::weights, kFirstVector + vectors_++), least](
                 std::uint64_t, std::vector<float>& values) mutable {
               for (float& v : values) v = static_cast<float>(least + random.uniform());
             });
  }

  // Each row comes from `row(r, values)`, called in order.
  template <class Row>
  void add_rows(const SyntheticTensor& tensor, TensorType type, Row row) {
    writer_.add_tensor(tensor.name, tensor.ne, type, [=, ne = tensor.ne](std::span<std::byte> out) {
      return fill_rows(row, type, ne, out);
    });
  }

  // `row` by value: it begins its stream anew however often the file is written.
  template <class Row>
  static Result<void> fill_rows(Row row, TensorType type, const std::vector<std::uint64_t>& ne,
                                std::span<std::byte> out) {
    const std::size_t rows =
        std::accumulate(ne.begin() + 1, ne.end(), std::size_t{1}, std::multiplies<>());
    std::vector<float> values(ne[0]);
    const std::size_t bytes = out.size() / rows;
    for (std::size_t r = 0; r < rows; ++r) {
      row(r, values);
      auto written = quantize(type, values, out.subspan(r * bytes, bytes));
      if (!written) return written;
    }
    return {};
  }

  void add_matrix(const SyntheticTensor& tensor, TensorType type) {
    const double sigma = tensor.scale / std::sqrt(static_cast<double>(tensor.ne[0]));
    const std::uint64_t elements =
        std::accumulate(tensor.ne.begin(), tensor.ne.end(), std::uint64_t{1}, std::multiplies<>());
    if (elements >= kPooledElements) return add_pooled(tensor, type, sigma);
    add_rows(tensor, type,
             [random = next_stream(), sigma](std::uint64_t, std::vector<float>& values) mutable {
               for (float& v : values) v = static_cast<float>(sigma * random.next());
             });
  }

  void add_pooled(const SyntheticTensor& tensor, TensorType type, double sigma) {
    auto& pool = pools_[{type, sigma}];
    if (pool == nullptr) {
      pool = std::make_shared<BlockPool>(type, sigma, spec_.seed, kFirstPool + pools_.size());
    }
    const std::uint64_t piece = BlockPool::piece_bytes(type),
                        runs = kFirstRuns + (matrices_++ << 20);
    writer_.add_tensor_in_pieces(
        tensor.name, tensor.ne, type, piece,
        [pool, piece, runs](std::uint64_t first, std::span<std::byte> out) {
          return pool->fill(runs + first / piece, out);
        });
  }

  // As large as all branches together, so that the last word stays legible behind every layer.
  void add_embedding(const SyntheticTensor& tensor, TensorType type) {
    const std::uint64_t width = tensor.ne[0];
    Gaussian random = next_stream();
    auto table = std::make_shared<std::vector<float>>(width * tensor.ne[1]);
    for (float& v : *table) v = static_cast<float>(random.next());
    embedding_ = table;
    add_rows(tensor, type, [table, width](std::uint64_t r, std::vector<float>& values) {
      std::copy_n(table->begin() + static_cast<std::ptrdiff_t>(r * width), width, values.begin());
    });
  }

  // The row of a word is a multiple of the embedding of the words before it. The words form one
  // cycle; tokens that are no words lead into it and nothing leads out, so answers are plain text.
  void add_predicting_head(const SyntheticTensor& tensor, TensorType type) {
    const std::uint64_t width = tensor.ne[0];
    const double dimensions = static_cast<double>(width);
    // The last word's share of the normalised stream, less the best of the others by chance.
    const double scale = spec_.margin / (0.75 * dimensions - 5 * std::sqrt(dimensions));
    Gaussian noise = next_stream();
    add_rows(tensor, type,
             [table = embedding_, before = predecessors(tensor.ne[1]), noise, scale, width](
                 std::uint64_t r, std::vector<float>& values) mutable {
               for (std::size_t i = 0; i < width; ++i) {
                 double sum = 0.1 * noise.next();
                 for (const std::size_t t : before[r]) {
                   sum += static_cast<double>((*table)[t * width + i]);
                 }
                 values[i] = static_cast<float>(scale * sum);
               }
             });
  }

  std::vector<std::vector<std::size_t>> predecessors(std::uint64_t words) const {
    const std::size_t first = vocabulary_.first_piece;
    std::vector<std::size_t> cycle(words - first);
    std::iota(cycle.begin(), cycle.end(), first);
    Random random(spec_.seed, Stream::weights, UINT64_MAX);
    for (std::size_t i = cycle.size(); i > 1; --i) std::swap(cycle[i - 1], cycle[random.below(i)]);
    std::vector<std::vector<std::size_t>> before(words);
    for (std::size_t i = 0; i < cycle.size(); ++i) {
      before[cycle[(i + 1) % cycle.size()]].push_back(cycle[i]);
    }
    for (std::size_t t = 0; t < first; ++t) before[cycle[t % cycle.size()]].push_back(t);
    return before;
  }

  Gaussian next_stream() { return {spec_.seed, matrices_++}; }

  const SyntheticSpec& spec_;
  SyntheticVocabulary vocabulary_;
  GgufWriter writer_;
  static constexpr std::uint64_t kPooledElements = std::uint64_t{1} << 22;
  // Where the streams of random numbers begin that are not of one matrix each.
  static constexpr std::uint64_t kFirstVector = std::uint64_t{1} << 32;
  static constexpr std::uint64_t kFirstPool = std::uint64_t{1} << 33;
  static constexpr std::uint64_t kFirstRuns = std::uint64_t{1} << 34;
  std::uint64_t matrices_ = 0, vectors_ = 0;
  std::map<std::pair<TensorType, double>, std::shared_ptr<BlockPool>> pools_;
  std::shared_ptr<const std::vector<float>> embedding_;
};

}  // namespace

Result<void> build_synthetic_model(const SyntheticSpec& spec, const std::filesystem::path& path,
                                   const WriteProgress& progress) {
  return ModelBuilder(spec).build().write(path, progress);
}

Result<GgufFile> build_synthetic_model(const SyntheticSpec& spec) {
  return ModelBuilder(spec).build().in_memory();
}

}  // namespace pennyweight::llm
