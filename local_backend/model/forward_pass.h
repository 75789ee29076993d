// Tokens in, logits out: the llama architecture on the kernels and the thread team.
#pragma once

#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include "local_backend/kernels/kernels.h"
#include "local_backend/model/activation_rows.h"
#include "local_backend/model/kv_cache.h"
#include "local_backend/model/llama_config.h"
#include "local_backend/model/llama_weights.h"
#include "local_backend/model/rope_angles.h"
#include "local_backend/runtime/thread_team.h"
#include "local_backend/tokenizer.h"

namespace pennyweight::llm {

// One token of a step. Rows of one sequence stand in order of position; different sequences may
// share a step, which changes no bit of either.
struct StepRow {
  Token token = 0;           // within the vocabulary
  std::size_t position = 0;  // tokens of its sequence before it, all in `history` or in this step
  const KvSequence* history = nullptr;  // has room for the position
  bool wanted = false;                  // its logits are asked for
};

// Holds the buffers of one step. One run() at a time.
class ForwardPass {
 public:
  // At most `chunk` rows a run; how a prompt is cut does not change a bit of the result. The
  // references must outlive this.
  ForwardPass(const LlamaConfig& config, const LlamaWeights& weights, const KernelTable& kernels,
              ThreadTeam& team, std::size_t chunk);

  std::size_t chunk() const { return hidden_.size(); }
  // Afterwards logits(i) are those of the i-th wanted row. False when all of `cancelled` rose (an
  // empty list never does), which is looked at between layers; the logits are then void.
  bool run(std::span<const StepRow> rows, std::span<const std::atomic<bool>* const> cancelled);
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
  void multiply(int member, std::initializer_list<Product> products, std::size_t rows);
  void add_branch(int member);
  bool all_cancelled() const;
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
  std::span<const StepRow> rows_;
  std::vector<std::size_t> wanted_;  // indices of the wanted rows
  std::span<const std::atomic<bool>* const> cancelled_;
  bool stopped_ = false;  // written by member 0 before a barrier, read by all after it
};

}  // namespace pennyweight::llm
