// The experiment: targets x task sets x load points x generation. Flags and PLAN.toml build the same
// PlanSpec; to_toml writes it back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/task_set.h"
#include "metrics/base/result.h"
#include "metrics/cost.h"
#include "metrics/price_book.h"
#include "metrics/store.h"
#include "runners/schedule.h"
#include "runners/target.h"
#include "runners/target_spec.h"

namespace pennyweight {

struct TaskSetSpec {
  std::string use;  // path or built-in name
  std::optional<std::size_t> limit;
};

struct PlanSpec {
  std::string name;
  int repeat = 1;
  std::uint64_t seed = 1;
  int warm_up = 2;  // requests for each target, task set and load point; stored, never summarised
  std::string output;                 // empty: ./pennyweight-<UTC>-<id>.db
  std::vector<std::string> reports;
  std::vector<TargetSpec> targets;
  std::vector<TaskSetSpec> task_sets;
  std::vector<LoadPoint> loads;       // empty: concurrency 1
  std::optional<int> max_tokens;      // override the task sets' own
  std::optional<double> temperature, top_p;
  std::optional<int> top_k;
  std::optional<double> frequency_penalty, presence_penalty, repeat_penalty;
  std::string response_format;        // as in GenerationParameters
  bool stream = true;
  std::string energy = "auto";        // auto, off
  std::optional<Money> electricity_per_kwh;  // for targets that do not say their own
  std::optional<Money> machine_per_hour;
  std::optional<Money> max_cost;
  std::optional<Duration> max_duration;
  double max_error_rate = 0.01;
  Timeouts timeouts;
};

// Bytes of a PLAN.toml; `path` names it in errors and is the base of relative paths. An unknown key is
// an error with line and suggestion.
Result<PlanSpec> parse_plan(std::string_view toml, std::string_view path);
std::string to_toml(const PlanSpec& plan);
// A commented plan for `init`.
std::string example_plan();

// Fills defaults and refuses what cannot be run: no target, two of one name, no bound on output tokens.
Result<void> check_plan(const PlanSpec& plan);

}  // namespace pennyweight
