#include "runners/scoring.h"

#include <algorithm>

#include "metrics/outcome.h"

namespace pennyweight {
namespace {

bool wants_nothing(const Task& task) {
  return std::find(task.targets.begin(), task.targets.end(), "") != task.targets.end();
}

}  // namespace

StoredScore score_record(const RequestRecord& record, const Task& task, const Scorer& scorer) {
  StoredScore out;
  out.cell_id = record.cell_id;
  out.task_id = record.task_id;
  out.repeat = record.repeat;
  out.signature = scorer.signature();
  if (const auto outcome = outcome_without_scorer(record, wants_nothing(task))) {
    out.outcome = *outcome;
    out.score = score_without_answer(*outcome);
    return out;
  }
  Score score = scorer.score(record.answer, task.targets, task.choices);
  out.score = score.parsed ? score.value : 0;
  out.extracted = std::move(score.extracted);
  out.outcome = outcome_of_answer(record.finish, score.parsed);
  return out;
}

}  // namespace pennyweight
