// Which measured requests failed, and mostly why: for the last lines of a run.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runners/runner.h"

namespace pennyweight {

// Counts on the loop's thread and passes everything on; read it when the run has ended.
class FailureTally final : public Observer {
 public:
  explicit FailureTally(Observer& next) : next_(next) {}

  void on_cell_started(const CellInfo& cell) override { next_.on_cell_started(cell); }
  void on_request_finished(const CellInfo& cell, const RequestRecord& record, int done,
                           int planned) override;
  void on_retry(const CellInfo& cell, const RequestRecord& record, Duration wait) override {
    next_.on_retry(cell, record, wait);
  }

  // A line for each target with a failure, by name: "b: 12 of 100 measured requests failed, mostly
  // connect (10): Connection refused".
  std::vector<std::string> lines() const;

 private:
  struct Cause {
    int times = 0;
    std::string message;  // of the first
  };
  struct Count {
    int requests = 0, failed = 0;
    std::map<std::pair<Failure, int>, Cause> causes;  // by failure and HTTP status
  };
  Observer& next_;
  std::map<std::string, Count> targets_;
};

}  // namespace pennyweight
