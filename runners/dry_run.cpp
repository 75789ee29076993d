#include "runners/block_order.h"
#include "runners/budget.h"
#include "runners/requests.h"
#include "runners/runner.h"

namespace pennyweight {
namespace {

// The most that `requests` use together.
struct Volume {
  std::int64_t requests = 0;
  Usage tokens;
  void add(const Usage& u, std::int64_t times) {
    requests += times;
    tokens.input_tokens = tokens.input_tokens.value_or(0) + times * *u.input_tokens;
    tokens.output_tokens = tokens.output_tokens.value_or(0) + times * *u.output_tokens;
  }
};

// How often a cell warms up at most: once at concurrency 1, above it before each block, of which
// there are fewer where more than 4 x concurrency answers come in 30 s.
std::int64_t most_warm_ups(const PlanSpec& plan, std::size_t tasks, int concurrency) {
  if (concurrency == 1) return 1;
  return plan.repeat * static_cast<std::int64_t>(most_blocks(tasks, concurrency));
}

// The same for every target: prompts do not depend on them.
Result<Volume> volume_of(const Experiment& experiment, const OpenedTaskSet& set, int concurrency) {
  const auto generation = generation_for(experiment.plan, set.set.info());
  if (!generation) return fail(generation.error());
  const std::size_t n = set.rows.size();
  const auto warm_up = static_cast<std::size_t>(experiment.plan.warm_up);
  const std::int64_t warm_ups = most_warm_ups(experiment.plan, n, concurrency);
  Volume out;
  for (std::size_t i = 0; i < n; ++i) {
    const auto task = set.set.task(set.rows[i]);
    if (!task) return fail(task.error());
    Request request;
    request.prompt = task->messages;
    request.generation = *generation;
    // Warm-up goes round the selection from its end.
    const std::size_t from_end = n - 1 - i;
    const std::size_t warm = warm_up / n + (from_end < warm_up % n ? 1 : 0);
    out.add(usage_bound(request),
            experiment.plan.repeat + warm_ups * static_cast<std::int64_t>(warm));
  }
  return out;
}

void add_to_total(const std::optional<Money>& bound, const std::string& target, CostBound& total) {
  if (!bound) return;
  const auto sum = total.total ? add(*total.total, *bound) : bound;
  if (sum) {
    total.total = sum;
  } else {
    total.note += (total.note.empty() ? "without " : ", ") + target + " (" +
                  std::string(bound->currency.text()) + ")";
  }
}

std::optional<Money> most(const Pricing& pricing, const Volume& volume) {
  if (pricing.rule.kind != CostRule::Kind::tokens || !pricing.row) return std::nullopt;
  return token_cost(volume.tokens, *pricing.row);
}

}  // namespace

Result<std::vector<GridLine>> dry_run(const Experiment& experiment, CostBound& total) {
  std::vector<GridLine> out;
  total = {};
  for (std::size_t s = 0; s < experiment.task_sets.size(); ++s) {
    const OpenedTaskSet& set = experiment.task_sets[s];
    for (std::size_t l = 0; l < experiment.plan.loads.size(); ++l) {
      const int concurrency = experiment.plan.loads[l].concurrency;
      const auto volume = volume_of(experiment, set, concurrency);
      if (!volume) return fail(volume.error());
      for (std::size_t t = 0; t < experiment.targets.size(); ++t) {
        const CellInfo& cell = experiment.cells[experiment.cell_of(s, l, t)];
        GridLine line{
            cell.cell_id,
            cell.target,
            cell.task_set,
            cell.load_point,
            static_cast<int>(set.rows.size()),
            experiment.plan.repeat,
            experiment.plan.warm_up * most_warm_ups(experiment.plan, set.rows.size(), concurrency),
            most(pricing_of(experiment, t), *volume)};
        total.requests += volume->requests;
        total.input_tokens += *volume->tokens.input_tokens;
        total.output_tokens += *volume->tokens.output_tokens;
        add_to_total(line.cost_bound, line.target, total);
        out.push_back(std::move(line));
      }
    }
  }
  for (const auto& target : experiment.plan.targets) {
    if (target.cost.kind != CostRule::Kind::machine) continue;
    total.note += std::string(total.note.empty() ? "" : "; ") + "machine hours are not in it";
    break;
  }
  return out;
}

}  // namespace pennyweight
