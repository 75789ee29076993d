#include "reports/rescore.h"

#include <algorithm>
#include <optional>

#include "metrics/outcome.h"

namespace pennyweight {
namespace {

// A list of texts; a missing key is an empty one.
std::optional<std::vector<std::string>> texts(const Value& row, std::string_view key) {
  std::vector<std::string> out;
  const Value* value = row.find(key);
  if (value == nullptr || value->is_null()) return out;
  if (value->list() == nullptr) return std::nullopt;
  for (const Value& item : *value->list()) {
    if (item.text() == nullptr) return std::nullopt;
    out.push_back(*item.text());
  }
  return out;
}

}  // namespace

Result<Rescorer> Rescorer::open(std::span<const StoredTask> tasks) {
  Rescorer out;
  for (const StoredTask& task : tasks) {
    const auto unusable = [&](const std::string& why) {
      return fail(ErrorKind::invalid_input,
                  "the stored row of task \"" + task.task_id + "\" cannot be scored", why,
                  "report without --rescore: the stored scores are used");
    };
    const Value* scorer = task.row.find("scorer");
    const Value* name = scorer != nullptr ? scorer->find("name") : nullptr;
    if (name == nullptr || name->text() == nullptr) return unusable("it names no scorer");
    const Value* parameters = scorer->find("parameters");
    const ScorerSpec spec{*name->text(), parameters != nullptr ? *parameters : Value()};
    auto& made = out.scorers_[spec.name + to_json(spec.parameters, JsonStyle::canonical)];
    if (!made) {
      auto fresh = make_scorer(spec);
      if (!fresh) return unusable(fresh.error().what);
      made = std::move(*fresh);
    }
    auto targets = texts(task.row, "targets"), choices = texts(task.row, "choices");
    if (!targets || !choices) return unusable("its targets or choices are not lists of texts");
    out.references_[{task.task_set_sha256, task.task_id}] = {std::move(*targets),
                                                             std::move(*choices), made.get()};
  }
  return out;
}

std::vector<StoredScore> Rescorer::score(const CellInfo& cell,
                                         std::span<const RequestRecord* const> final_attempts,
                                         std::span<const StoredScore> stored) const {
  std::map<std::pair<std::string, int>, StoredScore> by_request;
  for (const StoredScore& score : stored) by_request[{score.task_id, score.repeat}] = score;
  for (const RequestRecord* record : final_attempts) {
    const auto reference = references_.find({cell.task_set_sha256, record->task_id});
    if (is_unfinished(record->failure) || reference == references_.end()) continue;
    const auto& [targets, choices, scorer] = reference->second;
    StoredScore& score = by_request[{record->task_id, record->repeat}];
    score = {cell.cell_id, record->task_id, record->repeat, scorer->signature(), {}, {}, {}};
    const bool blank_is_wanted = std::find(targets.begin(), targets.end(), "") != targets.end();
    if (const auto outcome = outcome_without_scorer(*record, blank_is_wanted)) {
      score.outcome = *outcome;
      score.score = score_without_answer(*outcome);
      continue;
    }
    Score fresh = scorer->score(record->answer, targets, choices);
    score.outcome = outcome_of_answer(record->finish, fresh.parsed);
    score.score = fresh.parsed ? fresh.value : 0;
    score.extracted = std::move(fresh.extracted);
  }
  std::vector<StoredScore> out;
  for (auto& [key, score] : by_request) out.push_back(std::move(score));
  return out;
}

}  // namespace pennyweight
