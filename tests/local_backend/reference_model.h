// Every architecture written a second time, slowly and plainly in float64, to hold the engine
// against. Shares with it only the reader of the file; blocks, rope, softmax, norms, activations
// and the choice of experts are its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/tokenizer.h"
#include "tests/local_backend/reference_blocks.h"

namespace pennyweight::llm::test {

enum class Inputs : std::uint8_t {
  exact,      // activations as they are
  quantized,  // rounded as the weights' type asks before each product: f16, or 8 bits a block
};

class ReferenceModel {
 public:
  // `context` is the configured length, which chooses among rope factors; 0: the file's.
  explicit ReferenceModel(const std::filesystem::path& path, std::size_t context = 0);
  // After each token, one row. Keys and values are rounded to f16, as the engine's cache does.
  std::vector<std::vector<double>> logits(const std::vector<Token>& tokens, Inputs inputs) const;

 private:
  struct Matrix {
    TensorType type = TensorType::f32;
    std::vector<Vector> rows;      // of all experts, one after another
    std::vector<Vector> minimums;  // of each block of 32 of a row, where the type has them
  };
  struct Layer {
    std::string name;        // "blk.N."
    std::size_t window = 0;  // 0: all positions before
    bool rope = true;
    double rope_base = 0, rope_scale = 1;
  };
  struct Cache {
    std::vector<Vector> keys, values;  // of each position
  };

  double number(const std::string& key, double otherwise) const;
  std::string text(const std::string& key) const;
  bool is(std::initializer_list<const char*> architectures) const;
  bool has(const std::string& name) const { return matrices_.contains(name); }
  Matrix load(const TensorInfo& tensor) const;
  void read_layers();
  void read_rope(std::size_t context);
  double attention_scale() const;

  // `rows` of the matrix from `first`, and the bias if the file has one.
  Vector times(const std::string& name, const Vector& x, Inputs inputs, std::size_t first = 0,
               std::size_t rows = SIZE_MAX) const;
  // As it is where the file has no such norm.
  Vector norm(const std::string& name, const Vector& x) const;
  void norm_heads(const std::string& name, Vector& heads) const;
  void rotate(const Layer& layer, Vector& heads, std::size_t position) const;
  double angle(const Layer& layer, std::size_t pair, std::size_t position) const;
  Vector attention(const Layer& layer, const Vector& x, std::size_t position, Cache& cache,
                   Inputs inputs) const;
  Vector mix(const Layer& layer, const Vector& q, const Cache& cache) const;
  Vector feed_forward(const Layer& layer, const Vector& x, Inputs inputs) const;
  Vector experts(const Layer& layer, const Vector& x, Inputs inputs) const;
  Vector gated(Vector gate, const Vector& up) const;

  GgufFile file_;
  std::string architecture_;
  std::map<std::string, Matrix> matrices_;
  std::vector<Layer> layers_;
  std::size_t heads_, kv_heads_, head_length_, rotated_;
  double width_, epsilon_;
  double yarn_ = 0, yarn_low_ = 0, yarn_high_ = 0, magnitude_ = 1;  // of the rope
  Vector divisors_;                                                 // of its angles
};

}  // namespace pennyweight::llm::test
