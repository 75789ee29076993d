// The program's exit statuses: a public contract.
#pragma once

#include "metrics/base/result.h"

namespace pennyweight {

enum class ExitStatus : int {
  ok = 0,
  gate_failed = 1,
  usage = 2,
  preflight = 3,  // disk, permissions, a file that cannot be read
  authentication = 4,
  unreachable = 5,  // or an error rate above --max-error-rate
  inconclusive = 6,
  budget = 7,
  bug = 70,
  interrupted = 130,
  terminated = 143,
};

constexpr ExitStatus exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
    case ErrorKind::invalid_input:
    case ErrorKind::unsupported:
      return ExitStatus::usage;
    case ErrorKind::not_found:
    case ErrorKind::io:
      return ExitStatus::preflight;
    case ErrorKind::authentication:
      return ExitStatus::authentication;
    case ErrorKind::unreachable:
      return ExitStatus::unreachable;
    case ErrorKind::budget:
      return ExitStatus::budget;
    case ErrorKind::interrupted:
      return ExitStatus::interrupted;
    case ErrorKind::internal:
      break;
  }
  return ExitStatus::bug;
}

}  // namespace pennyweight
