#include <algorithm>
#include <map>
#include <set>

#include "runners/budget.h"
#include "runners/requests.h"
#include "runners/runner.h"
#include "runners/target_health.h"

namespace pennyweight {
namespace {

std::string shown(const Value* value) {
  return value == nullptr ? "nothing" : to_json(*value);
}

std::string below(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

// Maps that differ only in the order of their keys are equal: the store keeps them sorted.
bool same(const Value& a, const Value& b) {
  return to_json(a, JsonStyle::canonical) == to_json(b, JsonStyle::canonical);
}

// The first place where two values differ: "target.identity.threads was 2 and is 4".
std::string difference(const Value* was, const Value* is, const std::string& path) {
  if (was != nullptr && is != nullptr && was->map() != nullptr && is->map() != nullptr) {
    for (const auto& [key, value] : *was->map()) {
      const Value* other = is->find(key);
      if (other != nullptr && same(value, *other)) continue;
      return difference(&value, other, below(path, key));
    }
    for (const auto& [key, value] : *is->map()) {
      if (was->find(key) == nullptr) return difference(nullptr, &value, below(path, key));
    }
  }
  return path + " was " + shown(was) + " and is " + shown(is);
}

// The last attempt at one request.
struct Last {
  int attempt = 0;
  bool answered = false, ask_again = false;
};

// Worth another try in a new sitting, though it has been scored as an error.
bool is_worth_asking_again(const RequestRecord& record) {
  return is_unreached(record) || record.failure == Failure::authentication ||
         record.failure == Failure::cancelled || record.failure == Failure::in_flight;
}

Money bound_of(const Pricing& pricing, const RequestRecord& record,
               const GenerationParameters& generation) {
  constexpr std::int64_t kMessages = 16 * 16;  // the prompt is not stored; few tasks have more
  Usage usage;
  usage.input_tokens = record.input_bytes + kMessages;
  usage.output_tokens = generation.max_tokens;
  return cost_bound(pricing, usage);
}

class Collector {
 public:
  Collector(Experiment& experiment, const std::vector<StoredScore>& scores)
      : experiment_(experiment) {
    for (const auto& s : scores) scored_.emplace(s.cell_id, s.task_id, s.repeat);
  }

  void take(const RequestRecord& record, const Pricing& pricing,
            const GenerationParameters& generation) {
    Earlier& earlier = experiment_.earlier;
    const Money cost = cost_spent(pricing, record, bound_of(pricing, record, generation));
    if (const auto sum = add(earlier.spent, {cost.pico, earlier.spent.currency})) {
      earlier.spent = *sum;
    }
    if (record.phase == Phase::warm_up) {
      int& lowest = earlier.warm_up_repeats[record.cell_id];
      lowest = std::min(lowest, record.repeat);
    }
    if (record.phase != Phase::measured || record.role != Role::answer) return;
    const RequestKey key{record.cell_id, record.task_id, record.repeat};
    Last& last = last_[key];
    if (record.attempt < last.attempt) return;
    last = {record.attempt, record.failure == Failure::none, is_worth_asking_again(record)};
    unscored_.erase(key);
    if (record.failure == Failure::none && !scored_.contains(key)) unscored_.emplace(key, record);
  }

  void finish() {
    Earlier& earlier = experiment_.earlier;
    for (const auto& [key, last] : last_) {
      if (last.answered || (scored_.contains(key) && !last.ask_again)) {
        earlier.finished.insert(key);
      } else {
        earlier.attempts.emplace(key, last.attempt);
      }
    }
    for (auto& [key, record] : unscored_) earlier.unscored.push_back(std::move(record));
  }

 private:
  Experiment& experiment_;
  std::set<RequestKey> scored_;
  std::map<RequestKey, Last> last_;
  std::map<RequestKey, RequestRecord> unscored_;
};

}  // namespace

Result<void> compare_cells(const std::vector<CellInfo>& stored, const std::vector<CellInfo>& now) {
  const auto differs = [](std::string why) {
    return fail(ErrorKind::usage, "this is not the run that the database holds", std::move(why),
                "resume with the same plan and files, or start a new database");
  };
  if (stored.size() != now.size()) {
    return differs("it has " + std::to_string(stored.size()) + " cells and the plan has " +
                   std::to_string(now.size()));
  }
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (stored[i].cell_id == now[i].cell_id) {
      // The cell is the same, its size is not: the stored one is what reports count against.
      if (stored[i].planned_requests == now[i].planned_requests) continue;
      return differs("it asks for " + std::to_string(stored[i].planned_requests) +
                     " requests in a cell and the plan for " +
                     std::to_string(now[i].planned_requests) +
                     ": repeat cannot change in a stored run");
    }
    return differs("in cell " + std::to_string(i + 1) + " " +
                   difference(&stored[i].resolved, &now[i].resolved, ""));
  }
  return {};
}

Result<void> resume_from(StoreReader& reader, const std::string& run_id, Experiment& experiment) {
  const auto cells = reader.cells(run_id);
  if (!cells) return fail(cells.error());
  if (auto same = compare_cells(*cells, experiment.cells); !same) return same;
  const auto scores = reader.scores(run_id);
  if (!scores) return fail(scores.error());
  experiment.earlier = {};
  Collector collector(experiment, *scores);
  for (std::size_t s = 0; s < experiment.task_sets.size(); ++s) {
    const auto generation = generation_for(experiment.plan, experiment.task_sets[s].set.info());
    if (!generation) return fail(generation.error());
    for (std::size_t l = 0; l < experiment.plan.loads.size(); ++l) {
      for (std::size_t t = 0; t < experiment.targets.size(); ++t) {
        const Pricing pricing = pricing_of(experiment, t);
        const auto read =
            reader.for_each_record(run_id, experiment.cells[experiment.cell_of(s, l, t)].cell_id,
                                   [&](const RequestRecord& record) {
                                     collector.take(record, pricing, *generation);
                                     return true;
                                   });
        if (!read) return fail(read.error());
      }
    }
  }
  collector.finish();
  return {};
}

}  // namespace pennyweight
