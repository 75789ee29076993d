#include "local_backend/synthetic_model.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "local_backend/gguf/gguf_writer.h"
#include "local_backend/runtime/exact_math.h"
#include "local_backend/synthetic_vocabulary.h"
#include "metrics/base/random.h"
#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

// Normally distributed numbers by the polar method of Marsaglia and Bray (SIAM Review 6, 1964):
// with our own logarithm it gives the same bits everywhere.
class Gaussian {
 public:
  Gaussian(std::uint64_t seed, std::uint64_t index) : random_(seed, Stream::weights, index) {}
  double next() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    double x = 0, y = 0, square = 0;
    do {
      x = 2 * random_.uniform() - 1;
      y = 2 * random_.uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square == 0);
    const double scale = std::sqrt(-2 * exact_math::log(square) / square);
    spare_ = y * scale;
    has_spare_ = true;
    return x * scale;
  }

 private:
  Random random_;
  double spare_ = 0;
  bool has_spare_ = false;
};

constexpr std::string_view kChatMl =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% endif %}";

std::shared_ptr<const GgufArray> integers(std::vector<std::int64_t> values) {
  return std::make_shared<GgufArray>(
      GgufArray{GgufArray::Kind::integer, std::move(values), {}, {}});
}

std::uint64_t file_type(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return 0;
    case TensorType::q4_0:
      return 2;
    case TensorType::q8_0:
      return 7;
    default:
      return 1;  // F16
  }
}

class ModelBuilder {
 public:
  explicit ModelBuilder(const SyntheticSpec& spec)
      : spec_(spec),
        vocabulary_(synthetic_vocabulary(static_cast<std::size_t>(spec.vocabulary_size))) {}

  Result<void> write(const std::filesystem::path& path) {
    set_metadata();
    set_tokenizer();
    add_tensors();
    return writer_.write(path);
  }

 private:
  static std::uint64_t unsigned_of(int value) { return static_cast<std::uint64_t>(value); }

  void set_metadata() {
    const auto number = [this](const char* key, int value) {
      writer_.set(std::string("llama.") + key, unsigned_of(value));
    };
    const int head_length = spec_.embedding_length / spec_.heads;
    writer_.set("general.architecture", std::string("llama"));
    writer_.set("general.name", "synthetic " + spec_.name);
    writer_.set("general.file_type", file_type(spec_.type));
    writer_.set("general.quantization_version", std::uint64_t{2});
    number("vocab_size", spec_.vocabulary_size);
    number("context_length", spec_.context_length);
    number("embedding_length", spec_.embedding_length);
    number("block_count", spec_.layers);
    number("feed_forward_length", spec_.feed_forward_length);
    number("rope.dimension_count", head_length);
    number("attention.head_count", spec_.heads);
    number("attention.head_count_kv", spec_.kv_heads);
    writer_.set("llama.attention.layer_norm_rms_epsilon", 1e-5);
    writer_.set("llama.rope.freq_base", static_cast<double>(spec_.rope_freq_base));
  }

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
    const std::uint64_t width = unsigned_of(spec_.embedding_length);
    const std::uint64_t words = unsigned_of(spec_.vocabulary_size);
    const std::uint64_t hidden = unsigned_of(spec_.feed_forward_length);
    const std::uint64_t kv = width / unsigned_of(spec_.heads) * unsigned_of(spec_.kv_heads);
    // So that the sum of all branches stays near 1, however deep the model.
    const double branch = 1 / std::sqrt(2.0 * spec_.layers);

    add_embedding(width, words);
    for (int layer = 0; layer < spec_.layers; ++layer) {
      const std::string block = "blk." + std::to_string(layer) + ".";
      add_norm(block + "attn_norm.weight", width);
      add_matrix(block + "attn_q.weight", width, width, 1);
      add_matrix(block + "attn_k.weight", width, kv, 1);
      add_matrix(block + "attn_v.weight", width, kv, 1);
      add_matrix(block + "attn_output.weight", width, width, branch);
      add_norm(block + "ffn_norm.weight", width);
      add_matrix(block + "ffn_gate.weight", width, hidden, 1);
      add_matrix(block + "ffn_up.weight", width, hidden, 1);
      add_matrix(block + "ffn_down.weight", hidden, width, branch);
    }
    add_norm("output_norm.weight", width);
    if (spec_.tied_output) return;
    if (spec_.margin > 0) {
      add_predicting_head(width, words);
    } else {
      add_matrix("output.weight", width, words, 1);
    }
  }

  void add_norm(std::string name, std::uint64_t width) {
    writer_.add_tensor(std::move(name), {width}, TensorType::f32, [](std::span<std::byte> out) {
      return quantize(TensorType::f32, std::vector<float>(out.size() / sizeof(float), 1.0f), out);
    });
  }

  // Each row comes from `row(r, values)`, called in order.
  template <class Row>
  void add_rows(std::string name, std::uint64_t columns, std::uint64_t rows, Row row) {
    const TensorType type = spec_.type;
    writer_.add_tensor(std::move(name), {columns, rows}, type, [=](std::span<std::byte> out) {
      return fill_rows(row, type, columns, rows, out);
    });
  }

  // `row` by value: it begins its stream anew however often the file is written.
  template <class Row>
  static Result<void> fill_rows(Row row, TensorType type, std::size_t columns, std::size_t rows,
                                std::span<std::byte> out) {
    std::vector<float> values(columns);
    const std::size_t bytes = out.size() / rows;
    for (std::size_t r = 0; r < rows; ++r) {
      row(r, values);
      auto written = quantize(type, values, out.subspan(r * bytes, bytes));
      if (!written) return written;
    }
    return {};
  }

  void add_matrix(std::string name, std::uint64_t columns, std::uint64_t rows, double scale) {
    const double sigma = scale / std::sqrt(static_cast<double>(columns));
    add_rows(std::move(name), columns, rows,
             [random = next_stream(), sigma](std::uint64_t, std::vector<float>& values) mutable {
               for (float& v : values) v = static_cast<float>(sigma * random.next());
             });
  }

  void add_embedding(std::uint64_t width, std::uint64_t words) {
    if (spec_.margin <= 0) return add_matrix("token_embd.weight", width, words, 1);
    // As large as all branches together, so that the last word stays legible behind every layer.
    Gaussian random = next_stream();
    auto table = std::make_shared<std::vector<float>>(width * words);
    for (float& v : *table) v = static_cast<float>(random.next());
    embedding_ = table;
    add_rows("token_embd.weight", width, words,
             [table, width](std::uint64_t r, std::vector<float>& values) {
               std::copy_n(table->begin() + static_cast<std::ptrdiff_t>(r * width), width,
                           values.begin());
             });
  }

  // The row of a word is a multiple of the embedding of the words before it. The words form one
  // cycle; tokens that are no words lead into it and nothing leads out, so answers are plain text.
  void add_predicting_head(std::uint64_t width, std::uint64_t words) {
    const double dimensions = static_cast<double>(width);
    // The last word's share of the normalised stream, less the best of the others by chance.
    const double scale = spec_.margin / (0.75 * dimensions - 5 * std::sqrt(dimensions));
    Gaussian noise = next_stream();
    add_rows("output.weight", width, words,
             [table = embedding_, before = predecessors(words), noise, scale, width](
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
  std::uint64_t matrices_ = 0;
  std::shared_ptr<const std::vector<float>> embedding_;
};

Result<void> check(const SyntheticSpec& spec) {
  const auto refuse = [](std::string why) {
    return fail(ErrorKind::usage, "no such synthetic model", std::move(why));
  };
  const BlockFormat* format = block_format(spec.type);
  if (format == nullptr || !format->supported) return refuse("types are " + supported_types());
  if (spec.layers < 1 || spec.layers > 512) return refuse("layers are 1 to 512");
  for (const int length : {spec.embedding_length, spec.feed_forward_length}) {
    if (length < 32 || length % 32 != 0 || length > 1'000'000) {
      return refuse("embedding and feed-forward lengths are multiples of 32");
    }
  }
  if (spec.heads < 1 || spec.kv_heads < 1 || spec.heads % spec.kv_heads != 0 ||
      spec.embedding_length % (2 * spec.heads) != 0) {
    return refuse("heads divide the embedding into even lengths, kv_heads divide heads");
  }
  if (spec.vocabulary_size < static_cast<int>(kSmallestVocabulary) ||
      spec.vocabulary_size > 4'000'000) {
    return refuse("vocabularies have 300 to 4000000 tokens");
  }
  if (spec.context_length < 1 || !(spec.rope_freq_base > 0) ||
      !std::isfinite(spec.rope_freq_base)) {
    return refuse("context length and rope base are positive");
  }
  if (!(spec.margin >= 0) || spec.margin > 1000) return refuse("margins are 0 to 1000");
  if (spec.margin > 0 && (spec.tied_output || spec.embedding_length < 64)) {
    return refuse("a margin needs an embedding of 64 or more and a head of its own");
  }
  return {};
}

}  // namespace

const std::vector<SyntheticSpec>& synthetic_shapes() {
  static const std::vector<SyntheticSpec> shapes = [] {
    SyntheticSpec tiny;  // 0.5 million parameters
    SyntheticSpec small = tiny, medium = tiny, large = tiny;
    small.name = "small";  // 3 million
    small.layers = 3, small.embedding_length = 256, small.heads = 8, small.kv_heads = 4;
    small.feed_forward_length = 704, small.vocabulary_size = 1536, small.margin = 8;
    medium.name = "medium";  // 10 million
    medium.layers = 5, medium.embedding_length = 384, medium.heads = 6, medium.kv_heads = 2;
    medium.feed_forward_length = 1024, medium.vocabulary_size = 3072, medium.margin = 8;
    large.name = "1b";  // the shape of Llama 3.2 1B
    large.layers = 16, large.embedding_length = 2048, large.heads = 32, large.kv_heads = 8;
    large.feed_forward_length = 8192, large.vocabulary_size = 128'256, large.tied_output = true;
    large.context_length = 131'072, large.rope_freq_base = 500'000;
    return std::vector<SyntheticSpec>{tiny, small, medium, large};
  }();
  return shapes;
}

Result<SyntheticSpec> parse_synthetic(std::string_view text) {
  constexpr std::string_view kPrefix = "synth/";
  std::string_view rest = text;
  if (rest.substr(0, kPrefix.size()) == kPrefix) rest.remove_prefix(kPrefix.size());
  const std::size_t colon = rest.find(':');
  const std::string_view name = rest.substr(0, colon);
  std::vector<std::string> names;
  std::string list;
  for (const SyntheticSpec& shape : synthetic_shapes()) {
    names.push_back(shape.name);
    list += (list.empty() ? "" : ", ") + shape.name;
    if (shape.name != name) continue;
    SyntheticSpec spec = shape;
    if (colon == std::string_view::npos) return spec;
    const BlockFormat* format = block_format(rest.substr(colon + 1));
    if (format == nullptr || !format->supported) {
      return fail(ErrorKind::usage,
                  "no synthetic model of type \"" + std::string(rest.substr(colon + 1)) + "\"", "",
                  "use one of " + supported_types());
    }
    spec.type = format->type;
    return spec;
  }
  const std::string_view near = nearest(name, names);
  return fail(ErrorKind::usage, "no synthetic model \"" + std::string(name) + "\"",
              "there are " + list,
              near.empty() ? "" : "did you mean \"" + std::string(near) + "\"?");
}

Result<void> write_synthetic_model(const SyntheticSpec& spec, const std::filesystem::path& path) {
  if (auto valid = check(spec); !valid) return valid;
  return ModelBuilder(spec).write(path);
}

}  // namespace pennyweight::llm
