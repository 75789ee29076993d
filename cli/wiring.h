// Where everything is joined: targets, prices, energy and store from a plan. The only place that
// makes these objects for the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_status.h"
#include "metrics/base/result.h"
#include "runners/plan.h"

namespace pennyweight {

// Where a file is wanted; `example` is the name that the advice puts into the directory.
Result<void> refuse_directory(const std::string& path, std::string_view example);

// Refuses a path that is named twice, or that is the database itself, and one that cannot be
// written or whose format is not known. Nothing is sent before this passes.
Result<void> check_outputs(const std::string& store, const std::vector<std::string>& reports);

// Whether any of the files, or the table asked for, shows single requests. Without them a report of
// a long run stays small in memory.
bool needs_requests(const std::vector<std::string>& reports, std::string_view table);

struct ExecuteOptions {
  bool dry_run = false;
  bool resume = false;
  bool print_plan = false;
  bool progress = true;  // false: not even on a terminal
};

// The main job: opens what the plan names, checks it, runs, stores, writes the reports and prints
// the table.
Result<ExitStatus> execute(PlanSpec plan, const ExecuteOptions& options);

}  // namespace pennyweight
