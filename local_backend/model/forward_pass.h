// Tokens in, logits out: every architecture, on the kernels and the thread team.
#pragma once

#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include "local_backend/kernels/kernels.h"
#include "local_backend/model/activation_rows.h"
#include "local_backend/model/kv_cache.h"
#include "local_backend/model/model_config.h"
#include "local_backend/model/model_weights.h"
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
  ForwardPass(const ModelConfig& config, const ModelWeights& weights, const KernelTable& kernels,
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
  // Cosines and sines of each row's position, for one kind of layer.
  struct Rotation {
    RopeAngles angles;
    FloatRows cosines, sines;
  };
  // A row's use of one expert.
  struct Choice {
    std::size_t row = 0;
    int expert = 0;
    float weight = 0;
  };

  void work(int member);
  void embed(int member);
  void head(int member);
  void finish_logits(int member);
  // forward_attention.cpp
  void attention(int member, std::size_t index);
  void rotate_and_store(int member, std::size_t index);
  void finish_head(const float* bias, const float* norm, const LayerConfig& layer, std::size_t row,
                   float* head) const;
  float query_scale(std::size_t row) const;
  void attend(int member, std::size_t index);
  // forward_feed_forward.cpp
  void feed_forward(int member, std::size_t index);
  void gate(float* gate, float* up, std::size_t n) const;
  void mixture(int member, const ModelLayer& layer);
  void choose_experts(std::size_t row);
  void sort_by_expert();
  void run_experts(int member, const ModelLayer& layer);
  void combine_experts(int member);

  // What the consumers take in: the residual stream, normalised where there is a weight.
  void normalise(int member, const float* weight, const float* bias,
                 std::initializer_list<const PackedMatrix*> consumers);
  void multiply(int member, std::initializer_list<Product> products, std::size_t rows);
  // The residual stream takes the branch, after its bias and norm (null: none).
  void add_branch(int member, const float* bias, const float* post_norm);
  bool all_cancelled() const;
  ThreadTeam::Range share(std::size_t count, int member) const {
    return ThreadTeam::share(count, member, team_.size());
  }

  const ModelConfig& config_;
  const ModelWeights& weights_;
  const KernelTable& kernels_;
  ThreadTeam& team_;
  std::vector<Rotation> rotations_;
  FloatRows hidden_, normed_, query_, key_, value_, mixed_, gate_, up_, branch_, logits_;
  ActivationRows inputs_;
  std::vector<std::vector<AttentionQuery>> queries_;  // of each member
  // Of a mixture of experts: by row and rank, then by expert.
  FloatRows router_, expert_out_;
  std::vector<Choice> choices_, by_expert_;
  std::vector<std::size_t> first_of_expert_;  // in by_expert_, and one past the last
  std::vector<std::size_t> place_;            // of each choice in by_expert_
  std::vector<Activation> gathered_;          // inputs in the order of by_expert_
  ActivationRows expert_inputs_;
  // The run in progress.
  std::span<const StepRow> rows_;
  std::vector<std::size_t> wanted_;  // indices of the wanted rows
  std::span<const std::atomic<bool>* const> cancelled_;
  bool stopped_ = false;  // written by member 0 before a barrier, read by all after it
};

}  // namespace pennyweight::llm
