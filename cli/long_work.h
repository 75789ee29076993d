// What writes large files shows how far it is and can be stopped, leaving nothing behind.
#pragma once

#include <chrono>
#include <cstdint>

#include "cli/exit_status.h"
#include "metrics/base/result.h"

namespace pennyweight {

// While alive, Ctrl-C and SIGTERM are noted instead of ending the program; a second one does. One
// at a time.
class LongWork {
 public:
  LongWork();
  ~LongWork();
  LongWork(const LongWork&) = delete;
  LongWork& operator=(const LongWork&) = delete;
  // Draws a line on a terminal, ten times a second. False when a signal came.
  bool go_on(std::uint64_t done, std::uint64_t total);
  // The error as a command's result: exit status 143 where SIGTERM interrupted it.
  static Result<ExitStatus> failed(const Error& error);

 private:
  void show(double part);
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_ = start_;
  bool terminal_, drawn_ = false;
};

}  // namespace pennyweight
