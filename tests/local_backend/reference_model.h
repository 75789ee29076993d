// A llama written a second time, slowly and plainly in float64, to hold the engine against. Shares
// with it only the reader of the file; blocks, rope, softmax and norms are its own.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/tokenizer.h"

namespace pennyweight::llm::test {

enum class Inputs {
  exact,      // activations as they are
  quantized,  // rounded as the weights' type asks before each product: f16, or 8 bits a block
};

class ReferenceModel {
 public:
  explicit ReferenceModel(const std::filesystem::path& path);
  // After each token, one row. Keys and values are rounded to f16, as the engine's cache does.
  std::vector<std::vector<double>> logits(const std::vector<Token>& tokens, Inputs inputs) const;

 private:
  using Vector = std::vector<double>;
  struct Matrix {
    TensorType type = TensorType::f32;
    std::vector<Vector> rows;
  };
  Matrix load(const std::string& name) const;
  Vector times(const std::string& name, const Vector& x, Inputs inputs) const;
  Vector norm(const std::string& name, const Vector& x) const;
  void rotate(Vector& heads, std::size_t position) const;
  double number(const std::string& key, double otherwise) const;

  GgufFile file_;
  std::map<std::string, Matrix> matrices_;
  std::size_t layers_, heads_, kv_heads_, head_length_;
  double epsilon_, rope_base_, rope_factor_;
};

}  // namespace pennyweight::llm::test
