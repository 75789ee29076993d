// How a finished request counts: the one place of these rules (docs/task_sets.md, "Outcomes").
// Pure.
#pragma once

#include <optional>

#include "metrics/record.h"
#include "metrics/store.h"

namespace pennyweight {

// We stopped it, or the program died: it says nothing about the target and enters no rate.
bool is_unfinished(Failure failure);
// Transport, server, protocol or engine trouble. A refusal is an answer with an outcome, and an
// unsupported task was not run: neither is a failed request.
bool is_failed(Failure failure);

// The outcome of what a scorer need not read. Empty: the answer has to be scored.
// `blank_is_wanted`: one of the task's references is the empty text.
std::optional<Outcome> outcome_without_scorer(const RequestRecord& record, bool blank_is_wanted);
// The outcome of an answer in which a scorer found something to compare (`parsed`), or did not.
Outcome outcome_of_answer(Finish finish, bool parsed);
// The score of an outcome without a scored answer: 0 for what the model owes, empty for what it
// could not help.
std::optional<double> score_without_answer(Outcome outcome);

}  // namespace pennyweight
