// Puts tasks and scores into the store. One thread; between blocks, so that scoring is in no
// latency.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "datasets/scorer.h"
#include "metrics/store.h"
#include "runners/runner.h"

namespace pennyweight {

class ScoreBook {
 public:
  ScoreBook(const Experiment& experiment, StoreWriter& store);
  // Answers of earlier sittings whose score did not reach the store.
  Result<void> score_earlier();
  // Once for each task of a set, later calls do nothing. The stored row is {"targets", "choices",
  // "scorer": {"name", "parameters"}, "meta"}: all that scoring needs, after the manifest's
  // defaults.
  void put_task(const TaskSet& set, std::size_t task_set, std::size_t row, const Task& task);
  void put_score(const Task& task, const RequestRecord& record);

 private:
  const Scorer* scorer_for(const ScorerSpec& spec);
  const Experiment& experiment_;
  StoreWriter& store_;
  std::vector<std::vector<bool>> stored_;  // by task set and row
  std::map<std::string, std::unique_ptr<Scorer>> scorers_;
};

}  // namespace pennyweight
