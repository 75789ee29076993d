// Which failures are tried again, how often, and after how long: the policy of the official SDKs
// (docs/measuring.md, "Retries"). Each attempt is its own record; back-off is in no latency.
#pragma once

#include <cstdint>
#include <optional>

#include "metrics/base/clock.h"
#include "runners/target.h"

namespace pennyweight {

struct RetryPolicy {
  int max_retries = 2;
  Duration longest_wait = std::chrono::seconds(120);  // a longer Retry-After is not waited for
  // Wait before the next attempt, or empty for no more. `attempt` is the one that just failed,
  // from 1. Never once a stream has begun. Retry-after first, else min(8 s, 0.5 s * 2^(attempt -
  // 1)) less up to 25 % jitter, drawn from `seed` and `request`.
  std::optional<Duration> wait(const Completion& completion, int attempt, std::uint64_t seed,
                               std::uint64_t request) const;
};

}  // namespace pennyweight
