// The measured requests of a cell: their attempts together, and the time they took. For
// summary.cpp.
#pragma once

#include <span>
#include <vector>

#include "metrics/energy/ledger.h"
#include "metrics/record.h"

namespace pennyweight {

// One task asked once, with its retries. Refers to records that live longer.
class MeasuredRequest {
 public:
  explicit MeasuredRequest(std::vector<const RequestRecord*> attempts);  // in order, at least one
  const std::vector<const RequestRecord*>& attempts() const { return attempts_; }
  const RequestRecord& last() const { return *attempts_.back(); }
  bool ok() const { return last().failure == Failure::none; }
  // Attempts after the first of their sitting: asked again by a later sitting is no retry.
  int retries() const;

 private:
  std::vector<const RequestRecord*> attempts_;
};

// Measured answers only, by task and repeat.
std::vector<MeasuredRequest> measured_requests(std::span<const RequestRecord> records);

// Disjoint windows [sent, done] of all attempts, ascending: while they last something is in flight.
std::vector<Window> busy_windows(const std::vector<MeasuredRequest>& requests);
Duration length(const std::vector<Window>& windows);

// First scheduled to last done, sittings added.
Duration whole_duration(const std::vector<MeasuredRequest>& requests);

}  // namespace pennyweight
