#include "tests/local_backend/reference_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

// c tanh(x / c), or x where there is no cap.
double capped(double x, double cap) {
  return cap > 0 ? cap * std::tanh(x / cap) : x;
}

// Computed from and to f16.
double gelu(double x) {
  const double h = rounded_to_half(x);
  const double inner = std::sqrt(2 / std::numbers::pi) * (h + 0.044715 * h * h * h);
  return rounded_to_half(h / 2 * (1 + std::tanh(inner)));
}

void add_to(Vector& x, const Vector& branch, double scale = 1) {
  REQUIRE(x.size() == branch.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += scale * branch[i];
}

Vector softmax(Vector scores) {
  const double most = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& s : scores) sum += s = std::exp(s - most);
  for (double& s : scores) s /= sum;
  return scores;
}

}  // namespace

ReferenceModel::ReferenceModel(const std::filesystem::path& path, std::size_t context)
    : file_([&] {
        auto file = GgufFile::open(path);
        REQUIRE(file);
        return *std::move(file);
      }()) {
  architecture_ = file_.text_value("general.architecture").value().value();
  const auto count = [&](const std::string& key, double otherwise = 0) {
    return static_cast<std::size_t>(number(key, otherwise));
  };
  width_ = number("embedding_length", 0);
  heads_ = count("attention.head_count");
  kv_heads_ = count("attention.head_count_kv", static_cast<double>(heads_));
  head_length_ = count("attention.key_length", width_ / static_cast<double>(heads_));
  rotated_ = count("rope.dimension_count", static_cast<double>(head_length_));
  epsilon_ = number("attention.layer_norm_rms_epsilon", 0);
  for (const TensorInfo& tensor : file_.tensors()) matrices_.emplace(tensor.name, load(tensor));
  if (!has("output.weight")) matrices_.emplace("output.weight", matrices_.at("token_embd.weight"));
  read_layers();
  read_rope(context > 0 ? context : count("context_length"));
}

double ReferenceModel::number(const std::string& key, double otherwise) const {
  const GgufValue* value = file_.find(architecture_ + "." + key);
  if (value == nullptr) return otherwise;
  if (const auto* integer = std::get_if<std::uint64_t>(value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(value)) return *real;
  FAIL("metadata " << key);
  return 0;
}

std::string ReferenceModel::text(const std::string& key) const {
  return file_.text_value(architecture_ + "." + key).value().value_or("");
}

bool ReferenceModel::is(std::initializer_list<const char*> architectures) const {
  return std::ranges::find(architectures, architecture_) != architectures.end();
}

ReferenceModel::Matrix ReferenceModel::load(const TensorInfo& tensor) const {
  std::vector<std::byte> bytes(tensor.bytes);
  REQUIRE(file_.read_tensor(tensor, bytes));
  Matrix matrix{tensor.type, std::vector<Vector>(tensor.rows(), Vector(tensor.ne[0])), {}};
  for (std::size_t i = 0; i < tensor.elements(); ++i)
    matrix.rows[i / tensor.ne[0]][i % tensor.ne[0]] = block_element(tensor.type, bytes, i);
  if (tensor.type != TensorType::q4_1 && tensor.type != TensorType::q5_1) return matrix;
  matrix.minimums.resize(tensor.rows());
  for (std::size_t i = 0; i < tensor.elements(); i += 32)
    matrix.minimums[i / tensor.ne[0]].push_back(block_minimum(tensor.type, bytes, i));
  return matrix;
}

// Which layers see only a window, and how each one rotates.
void ReferenceModel::read_layers() {
  const auto all = static_cast<std::size_t>(number("block_count", 0));
  const std::size_t count = all - static_cast<std::size_t>(number("nextn_predict_layers", 0));
  const double base = number("rope.freq_base", 10000);
  const bool scaled = text("rope.scaling.type") != "none";
  const double factor = number("rope.scaling.factor", number("rope.scale_linear", 1));
  const bool large_exaone = is({"exaone4"}) && count == 64;
  double window = 0, period = 1;
  if (is({"gemma2"})) window = number("attention.sliding_window", 4096), period = 2;
  if (is({"gemma3"})) window = number("attention.sliding_window", 0), period = 6;
  if (large_exaone) window = number("attention.sliding_window", 4096), period = 4;
  const auto every = static_cast<std::size_t>(number("attention.sliding_window_pattern", period));
  for (std::size_t l = 0; l < count; ++l) {
    Layer layer{"blk." + std::to_string(l) + ".", 0, true, base, scaled ? 1 / factor : 1};
    const bool local = window > 0 && (every == 0 || l % every + 1 < every);
    if (local) layer.window = static_cast<std::size_t>(window);
    if (local && is({"gemma2"})) layer.rope_base = number("rope.freq_base_swa", base);
    if (local && is({"gemma3"}))
      layer.rope_base = number("rope.freq_base_swa", 10000), layer.rope_scale = 1;
    if (large_exaone) layer.rope = local;
    if (is({"smollm3"})) layer.rope = l % 4 != 3;
    layers_.push_back(std::move(layer));
  }
}

// YaRN, magnitude and divisors of the angles.
void ReferenceModel::read_rope(std::size_t context) {
  const double original =
      number("rope.scaling.original_context_length", number("context_length", 0));
  if (text("rope.scaling.type") == "yarn") {
    yarn_ = 1;
    const double base = layers_[0].rope_base, n = static_cast<double>(rotated_);
    const auto turns = [&](double beta) {
      return n * std::log(original / (2 * std::numbers::pi * beta)) / (2 * std::log(base));
    };
    const bool keyed = is({"mistral3"});
    const double fast = keyed ? number("rope.scaling.yarn_beta_fast", 32) : 32;
    const double slow = keyed ? number("rope.scaling.yarn_beta_slow", 1) : 1;
    const double multiplier = keyed ? number("rope.scaling.yarn_log_multiplier", 0) : 0;
    yarn_low_ = std::max(0.0, std::floor(turns(fast)));
    yarn_high_ = std::min(n - 1, std::ceil(turns(slow)));
    const double log_factor = std::log(number("rope.scaling.factor", 1));
    magnitude_ = 1 + 0.1 * log_factor;
    if (multiplier != 0) magnitude_ /= 1 + 0.1 * multiplier * log_factor;
  }
  magnitude_ *= number("rope.scaling.attn_factor", 1);
  if (is({"qwen2", "qwen3", "qwen3moe", "gemma", "gemma2", "gemma3", "smollm3"})) return;
  const bool longer = static_cast<double>(context) > original;
  for (const char* name :
       {"rope_freqs.weight", longer ? "rope_factors_long.weight" : "rope_factors_short.weight"})
    if (has(name) && divisors_.empty()) divisors_ = matrices_.at(name).rows[0];
}

double ReferenceModel::attention_scale() const {
  const bool by_width =
      (is({"gemma2"}) && layers_.size() == 46) || (is({"gemma3"}) && layers_.size() == 62);
  const double length = by_width ? std::floor(width_ / static_cast<double>(heads_))
                                 : static_cast<double>(head_length_);
  // Others that have the key in their file go without it.
  const double keyed = is({"granite"}) ? number("attention.scale", 0) : 0;
  return keyed != 0 ? keyed : 1 / std::sqrt(length);
}

Vector ReferenceModel::times(const std::string& name, const Vector& x, Inputs inputs,
                             std::size_t first, std::size_t rows) const {
  const Matrix& matrix = matrices_.at(name + ".weight");
  const bool rounded = inputs == Inputs::quantized;
  const Vector input = rounded ? rounded_input(matrix.type, x) : x;
  const Vector sums = rounded && !matrix.minimums.empty() ? rounded_sums(x) : Vector();
  Vector out;
  REQUIRE(matrix.rows[first].size() == x.size());
  for (std::size_t r = first; r < matrix.rows.size() && r - first < rows; ++r) {
    double sum = std::inner_product(input.begin(), input.end(), matrix.rows[r].begin(), 0.0);
    // Minimums go with the rounded sum of a block in place of the sum of its rounded values.
    for (std::size_t b = 0; b < sums.size(); ++b) {
      const auto block = input.begin() + static_cast<std::ptrdiff_t>(32 * b);
      sum += matrix.minimums[r][b] * (sums[b] - std::accumulate(block, block + 32, 0.0));
    }
    out.push_back(sum);
  }
  const auto bias = matrices_.find(name + ".bias");
  if (bias != matrices_.end()) add_to(out, bias->second.rows[0]);
  return out;
}

Vector ReferenceModel::norm(const std::string& name, const Vector& x) const {
  if (!has(name + ".weight")) return x;
  double squares = 0;
  for (double v : x) squares += v * v;
  const double root = std::sqrt(squares / static_cast<double>(x.size()) + epsilon_);
  Vector out = matrices_.at(name + ".weight").rows[0];
  REQUIRE(out.size() == x.size());
  for (std::size_t i = 0; i < x.size(); ++i) out[i] *= x[i] / root;
  if (has(name + ".bias")) add_to(out, matrices_.at(name + ".bias").rows[0]);
  return out;
}

void ReferenceModel::norm_heads(const std::string& name, Vector& heads) const {
  for (auto at = heads.begin(); at != heads.end();) {
    const auto end = at + static_cast<std::ptrdiff_t>(head_length_);
    at = std::ranges::copy(norm(name, Vector(at, end)), at).out;
  }
}

double ReferenceModel::angle(const Layer& layer, std::size_t pair, std::size_t position) const {
  double whole =
      static_cast<double>(position) *
      std::pow(layer.rope_base, -2 * static_cast<double>(pair) / static_cast<double>(rotated_));
  if (!divisors_.empty()) whole /= divisors_.at(pair);
  const double narrow = whole * layer.rope_scale;
  const double ramp =
      (static_cast<double>(pair) - yarn_low_) / std::max(0.001, yarn_high_ - yarn_low_);
  const double mix = yarn_ * (1 - std::clamp(ramp, 0.0, 1.0));
  return narrow * (1 - mix) + whole * mix;
}

// The pairs are neighbours, or lie half of the rotated part apart; what is behind that part stays.
void ReferenceModel::rotate(const Layer& layer, Vector& heads, std::size_t position) const {
  if (!layer.rope) return;
  const bool neighbours = is({"llama", "mistral3", "smollm3", "granite"});
  for (std::size_t head = 0; head < heads.size(); head += head_length_)
    for (std::size_t pair = 0; pair < rotated_ / 2; ++pair) {
      double& a = heads[head + (neighbours ? 2 * pair : pair)];
      double& b = heads[head + (neighbours ? 2 * pair + 1 : pair + rotated_ / 2)];
      const double turn = angle(layer, pair, position);
      const double c = std::cos(turn) * magnitude_, s = std::sin(turn) * magnitude_;
      const double x = a, y = b;
      a = x * c - y * s;
      b = x * s + y * c;
    }
}

// Each query head's values of all positions it sees, the last being the newest.
Vector ReferenceModel::mix(const Layer& layer, const Vector& q, const Cache& cache) const {
  const std::size_t seen = cache.keys.size();
  const std::size_t from = layer.window > 0 && seen > layer.window ? seen - layer.window : 0;
  const double cap = is({"gemma2"}) ? number("attn_logit_softcapping", 50) : 0;
  const double scale = attention_scale();
  Vector out(q.size(), 0.0);
  for (std::size_t h = 0; h < heads_; ++h) {
    const std::size_t own = h * head_length_, shared = h / (heads_ / kv_heads_) * head_length_;
    Vector scores;
    for (std::size_t p = from; p < seen; ++p) {
      double score = 0;
      for (std::size_t d = 0; d < head_length_; ++d)
        score += q[own + d] * cache.keys[p][shared + d];
      scores.push_back(capped(score * scale, cap));
    }
    const Vector weights = softmax(std::move(scores));
    for (std::size_t p = from; p < seen; ++p)
      for (std::size_t d = 0; d < head_length_; ++d)
        out[own + d] += weights[p - from] * cache.values[p][shared + d];
  }
  return out;
}

Vector ReferenceModel::attention(const Layer& layer, const Vector& x, std::size_t position,
                                 Cache& cache, Inputs inputs) const {
  const std::size_t q_length = heads_ * head_length_, kv_length = kv_heads_ * head_length_;
  Vector q, k, v;
  if (has(layer.name + "attn_qkv.weight")) {
    const Vector all = times(layer.name + "attn_qkv", x, inputs);
    REQUIRE(all.size() == q_length + 2 * kv_length);
    const auto at = all.begin() + static_cast<std::ptrdiff_t>(q_length);
    const auto behind = at + static_cast<std::ptrdiff_t>(kv_length);
    q.assign(all.begin(), at), k.assign(at, behind), v.assign(behind, all.end());
  } else {
    q = times(layer.name + "attn_q", x, inputs);
    k = times(layer.name + "attn_k", x, inputs);
    v = times(layer.name + "attn_v", x, inputs);
  }
  norm_heads(layer.name + "attn_q_norm", q);
  norm_heads(layer.name + "attn_k_norm", k);
  rotate(layer, q, position);
  rotate(layer, k, position);
  const double warmth = is({"mistral3"}) ? number("attention.temperature_scale", 0) : 0;
  if (warmth != 0) {
    const double spans =
        std::floor(static_cast<double>(position) /
                   number("rope.scaling.original_context_length", number("context_length", 0)));
    for (double& y : q) y *= 1 + warmth * std::log(1 + spans);
  }
  for (double& y : k) y = rounded_to_half(y);
  for (double& y : v) y = rounded_to_half(y);
  cache.keys.push_back(std::move(k));
  cache.values.push_back(std::move(v));
  return times(layer.name + "attn_output", mix(layer, q, cache), inputs);
}

Vector ReferenceModel::gated(Vector gate, const Vector& up) const {
  const bool gemma = is({"gemma", "gemma2", "gemma3"});
  REQUIRE(gate.size() == up.size());
  for (std::size_t i = 0; i < gate.size(); ++i)
    gate[i] = (gemma ? gelu(gate[i]) : gate[i] / (1 + std::exp(-gate[i]))) * up[i];
  return gate;
}

Vector ReferenceModel::feed_forward(const Layer& layer, const Vector& x, Inputs inputs) const {
  if (has(layer.name + "ffn_gate_inp.weight")) return experts(layer, x, inputs);
  Vector up = times(layer.name + "ffn_up", x, inputs), gate;
  if (has(layer.name + "ffn_gate.weight")) {
    gate = times(layer.name + "ffn_gate", x, inputs);
  } else {  // both in one, the gate first
    const auto middle = up.begin() + static_cast<std::ptrdiff_t>(up.size() / 2);
    gate.assign(up.begin(), middle);
    up.erase(up.begin(), middle);
  }
  return times(layer.name + "ffn_down", gated(std::move(gate), up), inputs);
}

// The likeliest experts, weighed by their shares of what these have together.
Vector ReferenceModel::experts(const Layer& layer, const Vector& x, Inputs inputs) const {
  const Vector likely = softmax(times(layer.name + "ffn_gate_inp", x, inputs));
  std::vector<std::size_t> order(likely.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return likely[a] > likely[b]; });
  order.resize(static_cast<std::size_t>(number("expert_used_count", 0)));
  double together = 0;
  for (const std::size_t e : order) together += likely[e];
  Vector out(x.size(), 0.0);
  for (const std::size_t e : order) {
    const auto part = [&](const char* name, const Vector& in) {
      const std::string whole = layer.name + name;
      const std::size_t rows = matrices_.at(whole + ".weight").rows.size() / likely.size();
      return times(whole, in, inputs, e * rows, rows);
    };
    const Vector inner = gated(part("ffn_gate_exps", x), part("ffn_up_exps", x));
    add_to(out, part("ffn_down_exps", inner), likely[e] / together);
  }
  return out;
}

std::vector<Vector> ReferenceModel::logits(const std::vector<Token>& tokens, Inputs inputs) const {
  const bool gemma = is({"gemma", "gemma2", "gemma3"}), granite = is({"granite"});
  const double embedding_scale = gemma     ? std::sqrt(width_)
                                 : granite ? number("embedding_scale", 1)
                                           : 1;
  const double branch_scale = granite ? number("residual_scale", 1) : 1;
  const double cap = is({"gemma2"})   ? number("final_logit_softcapping", 30)
                     : is({"gemma3"}) ? number("final_logit_softcapping", 0)
                                      : 0;
  std::vector<Cache> caches(layers_.size());
  std::vector<Vector> all;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    Vector x = matrices_.at("token_embd.weight").rows.at(static_cast<std::size_t>(tokens[t]));
    for (double& v : x) v *= embedding_scale;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const std::string& name = layers_[l].name;
      const Vector o = attention(layers_[l], norm(name + "attn_norm", x), t, caches[l], inputs);
      add_to(x, norm(name + "post_attention_norm", o), branch_scale);
      const Vector f = feed_forward(layers_[l], norm(name + "ffn_norm", x), inputs);
      add_to(x, norm(name + "post_ffw_norm", f), branch_scale);
    }
    Vector row = times("output", norm("output_norm", x), inputs);
    for (double& v : row) v = capped(granite ? v / number("logit_scale", 1) : v, cap);
    all.push_back(std::move(row));
  }
  return all;
}

}  // namespace pennyweight::llm::test
