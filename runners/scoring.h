// An answer becomes a stored score, off the timed path.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "datasets/scorer.h"
#include "metrics/record.h"
#include "metrics/store.h"

namespace pennyweight {

// The outcome by the last attempt's failure and finish (docs/task_sets.md, "Outcomes"), then the score.
StoredScore score_record(const RequestRecord& record, const Task& task, const Scorer& scorer);

}  // namespace pennyweight
