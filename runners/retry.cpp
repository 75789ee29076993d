#include "runners/retry.h"

#include <algorithm>
#include <cmath>

#include "metrics/base/random.h"

namespace pennyweight {
namespace {

bool worth_retrying(const Completion& c) {
  // Whatever began to come was generated and will be billed: asking again would pay twice.
  if (!c.chunks.empty() || c.failure == Failure::none || c.failure == Failure::cancelled)
    return false;
  if (c.should_retry) return *c.should_retry;
  switch (c.failure) {
    case Failure::connect:
    case Failure::timeout:
    case Failure::rate_limited:
    case Failure::server_error:
    case Failure::truncated:
      return true;
    default:
      return c.http_status == 408 || c.http_status == 409;
  }
}

}  // namespace

std::optional<Duration> RetryPolicy::wait(const Completion& completion, int attempt,
                                          std::uint64_t seed, std::uint64_t request) const {
  if (attempt > max_retries || !worth_retrying(completion)) return std::nullopt;
  const auto asked = completion.retry_after;
  if (asked && *asked > Duration::zero() && *asked <= longest_wait) return asked;
  Random random(seed, Stream::retry_jitter, request);
  double u = 0;
  for (int i = 0; i < attempt; ++i) u = random.uniform();  // each attempt has its own draw
  const double seconds = std::min(8.0, 0.5 * std::exp2(attempt - 1)) * (1 - 0.25 * u);
  return Duration(std::llround(seconds * 1e9));
}

}  // namespace pennyweight
