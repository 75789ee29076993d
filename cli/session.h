// One sitting at a run: from the opened experiment to stored rows, written reports and an exit
// status.
#pragma once

#include <string>

#include "cli/exit_status.h"
#include "metrics/base/clock.h"
#include "metrics/store.h"
#include "runners/event_loop.h"
#include "runners/runner.h"

namespace pennyweight {

struct Session {
  SteadyClock& clock;
  Experiment& experiment;
  StoreWriter& store;
  EventLoop& loop;
  RunOptions options;
  std::string output;    // the database
  bool progress = true;  // false: no progress line, not even on a terminal
};

// Runs, closes the store, writes the reports and prints the table; every problem is printed, and
// the status is that of the worst (exit_status.h). Reports are written whatever ended the run. From
// the first request to the last report Ctrl-C stops in order.
ExitStatus run_session(Session& session);

}  // namespace pennyweight
