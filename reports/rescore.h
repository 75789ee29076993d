// Stored answers scored again by this program's scorers, from the rows that were stored with the
// run: no call is made and the store is not changed.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "datasets/scorer.h"
#include "metrics/store.h"

namespace pennyweight {

class Rescorer {
 public:
  // An error names the task whose row cannot be used.
  static Result<Rescorer> open(std::span<const StoredTask> tasks);
  // The scores of a cell, by the rules that a run scores with (metrics/outcome.h). `final_attempts`
  // are those that ended the cell's measured requests; `stored` scores of tasks that no row was
  // stored for are kept.
  std::vector<StoredScore> score(const CellInfo& cell,
                                 std::span<const RequestRecord* const> final_attempts,
                                 std::span<const StoredScore> stored) const;

 private:
  struct Reference {
    std::vector<std::string> targets, choices;
    const Scorer* scorer = nullptr;
  };
  std::map<std::string, std::unique_ptr<Scorer>> scorers_;               // by name and parameters
  std::map<std::pair<std::string, std::string>, Reference> references_;  // set hash, task id
};

}  // namespace pennyweight
