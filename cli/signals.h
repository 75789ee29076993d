// Ctrl-C and SIGTERM become a StopRequest that the runner polls.
#pragma once

#include "runners/runner.h"

namespace pennyweight {

// While alive: the first signal stops sending, the second aborts at once, the third is the system's
// own (the process dies). One at a time.
class SignalGuard {
 public:
  explicit SignalGuard(StopRequest& stop);
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;
  int last_signal() const;  // 0 when none came
};

}  // namespace pennyweight
