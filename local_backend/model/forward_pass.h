// Tokens in, logits out: the llama architecture on the kernels and the thread team.
#pragma once

#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include "local_backend/kernels/kernels.h"
#include "local_backend/model/kv_cache.h"
#include "local_backend/model/llama_config.h"
#include "local_backend/model/llama_weights.h"
#include "local_backend/model/rope_angles.h"
#include "local_backend/runtime/thread_team.h"
#include "local_backend/tokenizer.h"

namespace pennyweight::llm {

// Rows of floats, each 64-byte padded so that kernels may write whole panels.
class FloatRows {
 public:
  FloatRows() = default;
  FloatRows(std::size_t rows, std::size_t length);
  float* operator[](std::size_t row) const { return rows_[row]; }
  float* const* pointers() const { return rows_.data(); }
  std::size_t size() const { return rows_.size(); }

 private:
  std::vector<float> data_;
  std::vector<float*> rows_;
};

// One row after another in the form that matrices take as input.
class ActivationRows {
 public:
  ActivationRows(std::size_t rows, std::size_t longest);
  // Makes what the types of `consumers` need of the `n` floats at `x`, which must outlive the use.
  void prepare(const KernelTable& kernels, std::size_t row, const float* x, std::size_t n,
               std::initializer_list<const PackedMatrix*> consumers);
  const Activation* rows() const { return rows_.data(); }

 private:
  std::size_t longest_;
  std::vector<Activation> rows_;
  std::vector<float> rounded_, scales_;
  std::vector<std::int8_t> quants_;
  std::vector<std::int32_t> sums_;
};

// Holds the buffers of one chunk. One run() at a time.
class ForwardPass {
 public:
  // At most `chunk` tokens a run; how a prompt is cut does not change a bit of the result. The
  // references must outlive this.
  ForwardPass(const LlamaConfig& config, const LlamaWeights& weights, const KernelTable& kernels,
              ThreadTeam& team, std::size_t chunk);

  std::size_t chunk() const { return hidden_.size(); }
  // `tokens` (within the vocabulary) follow the `position` tokens that `cache` holds already, and
  // fit it. Afterwards logits(i) are those after the i-th of the last `wanted` tokens. False when
  // `cancelled` rose, which is looked at between layers; the logits are then void.
  bool run(std::span<const Token> tokens, std::size_t position, const KvCache& cache,
           std::size_t wanted, const std::atomic<bool>& cancelled);
  std::span<const float> logits(std::size_t row) const;

 private:
  struct Product {
    const PackedMatrix& matrix;
    const FloatRows& out;
  };
  void work(int member);
  void embed(int member);
  void attention(int member, std::size_t index);
  void feed_forward(int member, std::size_t index);
  void head(int member);
  void normalise(int member, const float* weight,
                 std::initializer_list<const PackedMatrix*> consumers);
  void rotate_and_store(int member, std::size_t layer);
  void attend(int member, std::size_t layer);
  void multiply(int member, std::initializer_list<Product> products, std::size_t first_row,
                std::size_t rows);
  void add_branch(int member);
  ThreadTeam::Range share(std::size_t count, int member) const {
    return ThreadTeam::share(count, member, team_.size());
  }

  const LlamaConfig& config_;
  const LlamaWeights& weights_;
  const KernelTable& kernels_;
  ThreadTeam& team_;
  RopeAngles angles_;
  FloatRows hidden_, normed_, query_, key_, value_, mixed_, gate_, up_, branch_, logits_;
  FloatRows cosines_, sines_;
  ActivationRows inputs_;
  // The run in progress.
  std::span<const Token> tokens_;
  std::size_t position_ = 0, wanted_ = 0;
  const KvCache* cache_ = nullptr;
  const std::atomic<bool>* cancelled_ = nullptr;
  bool stopped_ = false;  // written by member 0 before a barrier, read by all after it
};

}  // namespace pennyweight::llm
