#include "runners/score_book.h"

#include "runners/scoring.h"

namespace pennyweight {
namespace {

Value to_value(const ScorerSpec& spec) {
  return Value::Map{{"name", spec.name}, {"parameters", spec.parameters}};
}

}  // namespace

ScoreBook::ScoreBook(const Experiment& experiment, StoreWriter& store)
    : experiment_(experiment), store_(store) {
  for (const auto& set : experiment.task_sets) stored_.emplace_back(set.set.size(), false);
}

Result<void> ScoreBook::score_earlier() {
  if (experiment_.earlier.unscored.empty()) return {};
  std::map<std::string, std::string> set_of;  // by cell
  for (const auto& cell : experiment_.cells) set_of[cell.cell_id] = cell.task_set_sha256;
  std::map<std::pair<std::string, std::string>, std::vector<const RequestRecord*>> wanted;
  for (const auto& record : experiment_.earlier.unscored) {
    wanted[{set_of[record.cell_id], record.task_id}].push_back(&record);
  }
  for (const auto& opened : experiment_.task_sets) {
    for (const std::size_t row : opened.rows) {
      const auto found = wanted.find({opened.set.info().sha256, opened.set.id(row)});
      if (found == wanted.end()) continue;
      const auto task = opened.set.task(row);
      if (!task) return fail(task.error());
      for (const RequestRecord* record : found->second) put_score(*task, *record);
    }
  }
  return {};
}

void ScoreBook::put_task(const TaskSet& set, std::size_t task_set, std::size_t row,
                         const Task& task) {
  if (stored_[task_set][row]) return;
  stored_[task_set][row] = true;
  StoredTask out;
  out.task_set_sha256 = set.info().sha256;
  out.task_id = task.id;
  out.group = task.group;
  out.row.set("targets", Value::List(task.targets.begin(), task.targets.end()));
  out.row.set("choices", Value::List(task.choices.begin(), task.choices.end()));
  out.row.set("scorer", to_value(task.scorer));
  out.row.set("meta", task.meta);
  store_.put(out);
}

const Scorer* ScoreBook::scorer_for(const ScorerSpec& spec) {
  auto& slot = scorers_[to_json(to_value(spec), JsonStyle::canonical)];
  if (!slot) {
    // The set was checked when it was opened: a scorer that fails here would be a bug.
    if (auto made = make_scorer(spec)) slot = std::move(*made);
  }
  return slot.get();
}

void ScoreBook::put_score(const Task& task, const RequestRecord& record) {
  const Scorer* scorer = scorer_for(task.scorer);
  if (scorer != nullptr) return store_.put(score_record(record, task, *scorer));
  StoredScore unscored;
  unscored.cell_id = record.cell_id;
  unscored.task_id = record.task_id;
  unscored.repeat = record.repeat;
  store_.put(unscored);
}

}  // namespace pennyweight
