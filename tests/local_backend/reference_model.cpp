#include "tests/local_backend/reference_model.h"

#include <algorithm>
#include <cmath>

#include "tests/test.h"

namespace pennyweight::llm::test {
namespace {

// By arithmetic on the fields of the format, not by bits of a float.
double half(unsigned bits) {
  const double sign = bits & 0x8000u ? -1 : 1;
  const int exponent = static_cast<int>(bits >> 10 & 31u);
  const double fraction = static_cast<double>(bits & 1023u) / 1024;
  if (exponent == 0) return sign * std::ldexp(fraction, -14);
  return sign * std::ldexp(1 + fraction, exponent - 15);
}

double rounded_to_half(double x) {
  if (x == 0) return 0;
  int exponent = 0;
  std::frexp(x, &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent, -13) - 11);
  return std::nearbyint(x / unit) * unit;
}

unsigned byte_at(const std::vector<std::byte>& bytes, std::size_t i) {
  return std::to_integer<unsigned>(bytes[i]);
}

double element(TensorType type, const std::vector<std::byte>& bytes, std::size_t i) {
  const auto half_at = [&](std::size_t at) {
    return half(byte_at(bytes, at) | byte_at(bytes, at + 1) << 8);
  };
  const std::size_t block = i / 32, j = i % 32;
  switch (type) {
    case TensorType::f32: {
      float value = 0;
      std::copy_n(&bytes[4 * i], 4, reinterpret_cast<std::byte*>(&value));
      return static_cast<double>(value);
    }
    case TensorType::f16:
      return half_at(2 * i);
    case TensorType::q8_0: {
      const int q = static_cast<int>(byte_at(bytes, 34 * block + 2 + j));
      return half_at(34 * block) * (q < 128 ? q : q - 256);
    }
    default: {
      const unsigned pair = byte_at(bytes, 18 * block + 2 + j % 16);
      return half_at(18 * block) * (static_cast<int>(j < 16 ? pair % 16 : pair / 16) - 8);
    }
  }
}

std::vector<double> rounded_input(TensorType weights, std::vector<double> x) {
  if (weights == TensorType::f32) return x;
  if (weights == TensorType::f16) {
    for (double& v : x) v = rounded_to_half(v);
    return x;
  }
  for (std::size_t b = 0; b < x.size(); b += 32) {
    double most = 0;
    for (std::size_t i = b; i < b + 32; ++i) most = std::max(most, std::fabs(x[i]));
    const double scale = rounded_to_half(most / 127);
    for (std::size_t i = b; i < b + 32; ++i)
      x[i] = most == 0 ? 0 : scale * std::nearbyint(x[i] * 127 / most);
  }
  return x;
}

}  // namespace

ReferenceModel::ReferenceModel(const std::filesystem::path& path)
    : file_([&] {
        auto file = GgufFile::open(path);
        REQUIRE(file);
        return *std::move(file);
      }()) {
  const auto count = [&](const std::string& key, double otherwise = 0) {
    return static_cast<std::size_t>(number(key, otherwise));
  };
  layers_ = count("block_count");
  heads_ = count("attention.head_count");
  kv_heads_ = count("attention.head_count_kv", static_cast<double>(heads_));
  head_length_ =
      count("attention.key_length", number("embedding_length", 0) / static_cast<double>(heads_));
  epsilon_ = number("attention.layer_norm_rms_epsilon", 0);
  rope_base_ = number("rope.freq_base", 10000);
  rope_factor_ = number("rope.scaling.factor", 1);
  for (const TensorInfo& tensor : file_.tensors())
    matrices_.emplace(tensor.name, load(tensor.name));
  if (!matrices_.contains("output.weight"))
    matrices_.emplace("output.weight", matrices_.at("token_embd.weight"));
}

double ReferenceModel::number(const std::string& key, double otherwise) const {
  const GgufValue* value = file_.find("llama." + key);
  if (value == nullptr) return otherwise;
  if (const auto* integer = std::get_if<std::uint64_t>(value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(value)) return *real;
  FAIL("metadata " << key);
  return 0;
}

ReferenceModel::Matrix ReferenceModel::load(const std::string& name) const {
  const TensorInfo& tensor = *file_.tensor(name);
  std::vector<std::byte> bytes(tensor.bytes);
  REQUIRE(file_.read_tensor(tensor, bytes));
  Matrix matrix{tensor.type, std::vector<Vector>(tensor.rows(), Vector(tensor.ne[0]))};
  for (std::size_t i = 0; i < tensor.elements(); ++i)
    matrix.rows[i / tensor.ne[0]][i % tensor.ne[0]] = element(tensor.type, bytes, i);
  return matrix;
}

std::vector<double> ReferenceModel::times(const std::string& name, const Vector& x,
                                          Inputs inputs) const {
  const Matrix& matrix = matrices_.at(name);
  const Vector input = inputs == Inputs::exact ? x : rounded_input(matrix.type, x);
  Vector out;
  for (const Vector& row : matrix.rows) {
    double sum = 0;
    for (std::size_t k = 0; k < row.size(); ++k) sum += row[k] * input[k];
    out.push_back(sum);
  }
  return out;
}

std::vector<double> ReferenceModel::norm(const std::string& name, const Vector& x) const {
  double squares = 0;
  for (double v : x) squares += v * v;
  const double root = std::sqrt(squares / static_cast<double>(x.size()) + epsilon_);
  Vector out = matrices_.at(name).rows[0];
  for (std::size_t i = 0; i < x.size(); ++i) out[i] *= x[i] / root;
  return out;
}

void ReferenceModel::rotate(Vector& heads, std::size_t position) const {
  const auto divisors = matrices_.find("rope_freqs.weight");
  for (std::size_t i = 0; i < heads.size(); i += 2) {
    const std::size_t pair = i % head_length_ / 2;
    double angle =
        static_cast<double>(position) / rope_factor_ *
        std::pow(rope_base_, -2.0 * static_cast<double>(pair) / static_cast<double>(head_length_));
    if (divisors != matrices_.end()) angle /= divisors->second.rows[0][pair];
    const double a = heads[i], b = heads[i + 1];
    heads[i] = a * std::cos(angle) - b * std::sin(angle);
    heads[i + 1] = a * std::sin(angle) + b * std::cos(angle);
  }
}

std::vector<std::vector<double>> ReferenceModel::logits(const std::vector<Token>& tokens,
                                                        Inputs inputs) const {
  std::vector<std::vector<Vector>> keys(layers_), values(layers_);
  std::vector<Vector> all;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    Vector x = matrices_.at("token_embd.weight").rows[static_cast<std::size_t>(tokens[t])];
    for (std::size_t l = 0; l < layers_; ++l) {
      const auto name = [l](const std::string& part) {
        return "blk." + std::to_string(l) + "." + part + ".weight";
      };
      const Vector n = norm(name("attn_norm"), x);
      Vector q = times(name("attn_q"), n, inputs), k = times(name("attn_k"), n, inputs);
      Vector v = times(name("attn_v"), n, inputs);
      rotate(q, t);
      rotate(k, t);
      for (double& y : k) y = rounded_to_half(y);
      for (double& y : v) y = rounded_to_half(y);
      keys[l].push_back(k);
      values[l].push_back(v);
      Vector mixed(q.size(), 0.0);
      for (std::size_t h = 0; h < heads_; ++h) {
        const std::size_t from = h * head_length_;
        const std::size_t shared = h / (heads_ / kv_heads_) * head_length_;
        Vector weights(t + 1);
        double sum = 0;
        for (std::size_t p = 0; p <= t; ++p) {
          for (std::size_t d = 0; d < head_length_; ++d)
            weights[p] += q[from + d] * keys[l][p][shared + d];
          weights[p] /= std::sqrt(static_cast<double>(head_length_));
        }
        const double most = *std::max_element(weights.begin(), weights.end());
        for (double& w : weights) sum += w = std::exp(w - most);
        for (std::size_t p = 0; p <= t; ++p)
          for (std::size_t d = 0; d < head_length_; ++d)
            mixed[from + d] += weights[p] / sum * values[l][p][shared + d];
      }
      const Vector o = times(name("attn_output"), mixed, inputs);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] += o[i];
      const Vector m = norm(name("ffn_norm"), x);
      Vector gate = times(name("ffn_gate"), m, inputs);
      const Vector up = times(name("ffn_up"), m, inputs);
      for (std::size_t i = 0; i < gate.size(); ++i) gate[i] *= up[i] / (1 + std::exp(-gate[i]));
      const Vector down = times(name("ffn_down"), gate, inputs);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] += down[i];
    }
    all.push_back(times("output.weight", norm("output_norm.weight", x), inputs));
  }
  return all;
}

}  // namespace pennyweight::llm::test
