// Where everything is joined: targets, prices, energy and store from a plan. The only place that
// makes these objects for the program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/exit_status.h"
#include "metrics/base/result.h"
#include "metrics/store.h"
#include "runners/plan.h"
#include "runners/runner.h"

namespace pennyweight {

// Refuses a path that is named twice, or that is the database itself, and one that cannot be
// written or whose format is not known. Nothing is sent before this passes.
Result<void> check_outputs(const std::string& store, const std::vector<std::string>& reports);

struct ExecuteOptions {
  bool dry_run = false;
  bool resume = false;
  bool print_plan = false;
  bool progress = true;      // false: not even on a terminal
  std::string command_line;  // for the record, redacted
};

// The main job: opens what the plan names, checks it, runs, stores, writes the reports and prints
// the table. Reports are written whatever ended the run.
Result<ExitStatus> execute(PlanSpec plan, const ExecuteOptions& options);

}  // namespace pennyweight
