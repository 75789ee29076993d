// Whether a target is still worth asking. One rule from the first request to the last: so many
// requests in a row, each after its last attempt, that did not reach it or were refused for their
// key, and it is given up for the rest of the run. Answers such as 429 and 500 are answers.
#pragma once

#include <optional>
#include <string>

#include "metrics/base/result.h"
#include "metrics/record.h"

namespace pennyweight {

// No connection came about, or it ended before the reply's first byte: refused, no route, DNS, TLS,
// connect time-out, reset.
bool is_unreached(const RequestRecord& record);

class TargetHealth {
 public:
  static constexpr int kPatienceAtFirst = 3;  // requests in a row, while it never answered
  static constexpr int kPatience = 5;         // and once it has

  void take(const RequestRecord& last_attempt);  // in order of ending; not cancelled ones
  bool given_up() const { return given_up_; }    // for good
  // What to tell the user of a target that was given up or never answered; `unsent`: its measured
  // requests that were not asked.
  std::optional<Error> loss(const std::string& target, int unsent) const;

 private:
  int in_a_row_ = 0;
  bool answered_ = false, given_up_ = false;
  Failure last_failure_ = Failure::none;  // of the row
  std::string last_message_;
};

}  // namespace pennyweight
