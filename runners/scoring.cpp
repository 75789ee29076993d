#include "runners/scoring.h"

#include <algorithm>

#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

bool is_blank(std::string_view text) {
  const auto points = code_points(text);
  return std::all_of(points.begin(), points.end(), is_python_space);
}

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
  if (record.failure == Failure::refused || record.finish == Finish::content_filter) {
    out.outcome = Outcome::refused;
    out.score = 0;
    return out;
  }
  if (record.failure != Failure::none) {
    out.outcome = record.failure == Failure::unsupported ? Outcome::unsupported : Outcome::error;
    return out;
  }
  const bool cut = record.finish == Finish::length;
  if (is_blank(record.answer) && !wants_nothing(task)) {
    // A model that thought until its tokens ran out was cut, not silent.
    out.outcome = cut ? Outcome::truncated : Outcome::empty;
    out.score = 0;
    return out;
  }
  Score score = scorer.score(record.answer, task.targets, task.choices);
  out.score = score.parsed ? score.value : 0;
  out.extracted = std::move(score.extracted);
  out.outcome = cut ? Outcome::truncated : !score.parsed ? Outcome::unparsed : Outcome::ok;
  return out;
}

}  // namespace pennyweight
