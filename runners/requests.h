// From a plan and a task to the request that will be sent.
#pragma once

#include "datasets/task_set.h"
#include "metrics/base/result.h"
#include "runners/plan.h"
#include "runners/runner.h"
#include "runners/target.h"

namespace pennyweight {

// The plan's parameters over the task set's own. Without a bound on output tokens it is an error.
Result<GenerationParameters> generation_for(const PlanSpec& plan, const TaskSetInfo& set);

// `generation` with what the task asks: messages, a text, or continuations. A sampling seed, different for each task and repeat and
// the same in every run, goes to targets that honour it and only where something is drawn.
Request make_request(const PlanSpec& plan, const TargetInfo& target,
                     const GenerationParameters& generation, const Task& task, int repeat);

// The cost rule of a target with its price in force.
struct Pricing;
Pricing pricing_of(const Experiment& experiment, std::size_t target);

}  // namespace pennyweight
