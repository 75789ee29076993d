#include "runners/target_health.h"

namespace pennyweight {

bool is_unreached(const RequestRecord& record) {
  switch (record.failure) {
    case Failure::connect:
    case Failure::tls:
      return true;
    case Failure::timeout:
      return !record.sent;
    case Failure::truncated:
      return !record.header;
    default:
      return false;
  }
}

void TargetHealth::take(const RequestRecord& last_attempt) {
  if (given_up_) return;
  if (!is_unreached(last_attempt) && last_attempt.failure != Failure::authentication) {
    answered_ = true;
    in_a_row_ = 0;
    return;
  }
  ++in_a_row_;
  last_failure_ = last_attempt.failure;
  last_message_ = last_attempt.error_message;
  given_up_ = in_a_row_ >= (answered_ ? kPatience : kPatienceAtFirst);
}

std::optional<Error> TargetHealth::loss(const std::string& target, int unsent) const {
  if (!given_up_ && (answered_ || in_a_row_ == 0)) return std::nullopt;
  const bool key = last_failure_ == Failure::authentication;
  Error out;
  out.kind = key ? ErrorKind::authentication : ErrorKind::unreachable;
  out.what = "target \"" + target + "\" " + (given_up_ ? "was given up" : "never answered") +
             ": the last " + std::to_string(in_a_row_) + " of its requests " +
             (key ? "were refused for their key" : "did not reach it");
  out.why = last_message_;
  out.fix = std::string(key ? "check its key" : "see that it is up") +
            ", then run the same command with --resume: it asks the " + std::to_string(unsent) +
            " requests that were not sent and again those that failed so";
  return out;
}

}  // namespace pennyweight
