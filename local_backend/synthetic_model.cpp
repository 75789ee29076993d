#include "local_backend/synthetic_model.h"

#include <algorithm>
#include <cmath>

#include "local_backend/synthetic_builder.h"
#include "local_backend/synthetic_tensors.h"
#include "local_backend/synthetic_vocabulary.h"
#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

tl::unexpected<Error> refuse(std::string why) {
  return fail(ErrorKind::usage, "no such synthetic model", std::move(why),
              "\"pennyweight model synth --help\" lists those that there are");
}

bool whole_rows(TensorType type, int length) {
  return length > 0 && row_bytes(type, static_cast<std::uint64_t>(length)).has_value();
}

Result<void> check_lengths(const SyntheticSpec& spec) {
  const auto* format = block_format(spec.type);
  const int head =
      spec.head_length > 0 ? spec.head_length : spec.embedding_length / std::max(spec.heads, 1);
  const int hidden = spec.experts > 0 && spec.expert_feed_forward_length > 0
                         ? spec.expert_feed_forward_length
                         : spec.feed_forward_length;
  for (const int length : {spec.embedding_length, spec.feed_forward_length, hidden}) {
    if (length < 32 || length % 32 != 0 || length > 1'000'000) {
      return refuse("embedding and feed-forward lengths are multiples of 32");
    }
  }
  if (spec.heads < 1 || spec.kv_heads < 1 || spec.heads > 1024 || spec.heads % spec.kv_heads != 0 ||
      head % 2 != 0 || head < 2 || head > 1024 ||
      (spec.head_length == 0 && head * spec.heads != spec.embedding_length)) {
    return refuse("heads divide the embedding into even lengths, kv_heads divide heads");
  }
  for (const int length : {spec.embedding_length, hidden, head * spec.heads}) {
    if (spec.mixture ? length % 32 != 0 : !whole_rows(spec.type, length)) {
      return refuse("rows of " + std::to_string(length) + " are not whole blocks of " +
                    std::string(format->name));
    }
  }
  if (synthetic_traits(spec.architecture)->width_is_heads &&
      head * spec.heads != spec.embedding_length) {
    return refuse("heads of a " + spec.architecture + " model share out the embedding");
  }
  return {};
}

Result<void> check_features(const SyntheticSpec& spec) {
  const SyntheticTraits& traits = *synthetic_traits(spec.architecture);
  if (traits.always_tied && !spec.tied_output) {
    return refuse("a " + spec.architecture + " model has no head of its own");
  }
  if (traits.never_tied && spec.tied_output) {
    return refuse("a " + spec.architecture + " model has a head of its own");
  }
  if (!(spec.margin >= 0) || spec.margin > 1000) return refuse("margins are 0 to 1000");
  if (spec.margin > 0 && (spec.tied_output || spec.embedding_length < 64)) {
    return refuse("a margin needs an embedding of 64 or more and a head of its own");
  }
  if (spec.experts < 0 || spec.experts > 1024 || spec.experts_used < (spec.experts > 0 ? 1 : 0) ||
      spec.experts_used > spec.experts) {
    return refuse("1 to 1024 experts, of which 1 or more are used");
  }
  return {};
}

Result<void> check(const SyntheticSpec& spec) {
  if (synthetic_traits(spec.architecture) == nullptr) {
    return refuse("no architecture \"" + spec.architecture + "\"");
  }
  const BlockFormat* format = block_format(spec.type);
  if (format == nullptr || !format->supported) return refuse("types are " + supported_types());
  if (spec.layers < 1 || spec.layers > 512 || spec.ignored_layers < 0 ||
      spec.ignored_layers > 512) {
    return refuse("layers are 1 to 512");
  }
  if (auto lengths = check_lengths(spec); !lengths) return lengths;
  if (spec.vocabulary_size < static_cast<int>(kSmallestVocabulary) ||
      spec.vocabulary_size > 4'000'000) {
    return refuse("vocabularies have 300 to 4000000 tokens");
  }
  if (spec.context_length < 1 || !(spec.rope_freq_base > 0) ||
      !std::isfinite(spec.rope_freq_base)) {
    return refuse("context length and rope base are positive");
  }
  return check_features(spec);
}

// Small models of our own hold one type only where that is a plain one; all others hold what
// llama-quantize would give them.
Result<SyntheticSpec> with_type_named(SyntheticSpec spec, std::string_view name, bool own) {
  const BlockFormat* format = block_format(name);
  const auto mixture = mixture_named(name);
  if (!mixture && (format == nullptr || !format->supported)) {
    return fail(ErrorKind::usage, "no synthetic model of type \"" + std::string(name) + "\"", "",
                "use one of " + synthetic_type_names());
  }
  const bool plain =
      format != nullptr && (format->type == TensorType::f32 || format->type == TensorType::f16 ||
                            format->type == TensorType::q8_0 || format->type == TensorType::q4_0);
  if (!mixture || (own && plain)) {
    spec.type = format->type;
  } else {
    spec.mixture = mixture;
  }
  return spec;
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

// MXFP4 has no mixture of its name: that of experts keeps all else in Q8_0.
std::string synthetic_type_names() {
  return mixture_names() + ", MXFP4";
}

Result<SyntheticSpec> parse_synthetic(std::string_view text) {
  constexpr std::string_view kPrefix = "synth/";
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  const std::size_t colon = text.find(':');
  const std::string name = lower(text.substr(0, colon));
  std::vector<std::string> names;
  for (const auto* shapes : {&synthetic_shapes(), &architecture_shapes(), &published_shapes()}) {
    for (const SyntheticSpec& shape : *shapes) {
      names.push_back(shape.name);
      if (shape.name != name) continue;
      SyntheticSpec spec = shape;
      if (colon == std::string_view::npos) return spec;
      return with_type_named(std::move(spec), text.substr(colon + 1),
                             shapes == &synthetic_shapes());
    }
  }
  std::string list;
  for (const SyntheticSpec& shape : synthetic_shapes()) list += shape.name + ", ";
  const std::string_view near = nearest(name, names);
  return fail(ErrorKind::usage, "no synthetic model \"" + name + "\"",
              "there are " + list +
                  "tiny-llama, tiny-gemma2 and so on for each architecture, and "
                  "published shapes such as llama-3.2-1b",
              near.empty() ? "\"pennyweight model synth --help\" shows them all"
                           : "did you mean \"" + std::string(near) + "\"?");
}

Result<void> write_synthetic_model(const SyntheticSpec& spec, const std::filesystem::path& path,
                                   const WriteProgress& progress) {
  if (auto valid = check(spec); !valid) return valid;
  return build_synthetic_model(spec, path, progress);
}

Result<GgufFile> synthetic_model(const SyntheticSpec& spec) {
  if (auto valid = check(spec); !valid) return fail(std::move(valid).error());
  return build_synthetic_model(spec);
}

}  // namespace pennyweight::llm
