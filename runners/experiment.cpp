#include <algorithm>
#include <map>

#include "datasets/builtin/builtin.h"
#include "datasets/selection.h"
#include "metrics/base/hash.h"
#include "runners/option_list.h"
#include "runners/requests.h"
#include "runners/runner.h"

namespace pennyweight {
namespace {

bool asked_for(const TargetSpec& spec, std::string_view option) {
  return std::any_of(spec.options.begin(), spec.options.end(),
                     [&](const auto& entry) { return entry.first == option; });
}

// Fills the words, and for a target on this machine the plan's own rates.
Result<std::optional<PriceRow>> resolve_cost(const PlanSpec& plan, const TargetInfo& info,
                                             const std::string& date, TargetSpec& spec) {
  CostRule& rule = spec.cost;
  if (rule.kind == CostRule::Kind::tokens) {
    const PriceBook& book = PriceBook::embedded();
    auto row = book.find(rule.price_key, date);
    if (row) {
      rule.words = in_words(*row);
      return row;
    }
    if (asked_for(spec, "price")) {
      return fail(
          ErrorKind::usage,
          "no price \"" + rule.price_key + "\" in force on " + date + " in the price book", "",
          did_you_mean(rule.price_key, book.keys(), "`pennyweight prices list` shows them"));
    }
    rule = CostRule{};
    rule.words = "no price for " + spec.model + " in the price book of " + book.as_of();
    return std::optional<PriceRow>();
  }
  MachineRate& machine = rule.machine;
  if (info.on_this_machine) {
    if (!machine.per_hour) machine.per_hour = plan.machine_per_hour;
    if (!machine.electricity_per_kwh) machine.electricity_per_kwh = plan.electricity_per_kwh;
  }
  const bool priced = machine.per_hour || machine.electricity_per_kwh;
  rule.kind = priced ? CostRule::Kind::machine : CostRule::Kind::none;
  rule.words = priced ? in_words(machine) : "no price given";
  return std::optional<PriceRow>();
}

// A cap that cannot hold is refused before anything is spent.
Result<void> check_cap(const PlanSpec& plan, const TargetInfo& info, const CostRule& rule,
                       const std::optional<PriceRow>& row) {
  if (!plan.max_cost || info.kind != "remote" || rule.kind == CostRule::Kind::machine) return {};
  const std::string what = "the cost cap cannot hold for target \"" + info.name + "\"";
  if (!row || !row->input_per_1m || !row->output_per_1m) {
    return fail(ErrorKind::usage, what, rule.words,
                "add price=PROVIDER/MODEL, or machine_usd_per_hour=0 for a server of your own");
  }
  if (row->input_per_1m->currency != plan.max_cost->currency) {
    return fail(ErrorKind::usage, what,
                "its price is in " + std::string(row->input_per_1m->currency.text()) +
                    " and the cap is in " + std::string(plan.max_cost->currency.text()),
                "leave out the cap, or name a price in its currency");
  }
  return {};
}

CellInfo resolve_cell(const PlanSpec& plan, const Target& target, const CostRule& cost,
                      const OpenedTaskSet& set, const GenerationParameters& generation,
                      const LoadPoint& load) {
  const TargetInfo& info = target.info();
  const TaskSetInfo& tasks = set.set.info();
  CellInfo cell;
  cell.target = info.name;
  cell.target_kind = info.kind;
  cell.task_set = tasks.name;
  cell.task_set_sha256 = tasks.sha256;
  cell.load_point = load.name();
  cell.concurrency = load.concurrency;
  cell.planned_requests = static_cast<int>(set.rows.size()) * plan.repeat;
  cell.resolved.set("target", Value::Map{{"name", info.name},
                                         {"kind", info.kind},
                                         {"model", info.model},
                                         {"identity", info.identity}});
  cell.resolved.set("task_set", Value::Map{{"name", tasks.name},
                                           {"sha256", tasks.sha256},
                                           {"tasks", static_cast<std::int64_t>(set.rows.size())}});
  cell.resolved.set("generation", to_value(generation));
  cell.resolved.set("load", Value::Map{{"kind", "closed_loop"}, {"concurrency", load.concurrency}});
  cell.resolved.set("seed", std::to_string(plan.seed));
  cell.cell_id = sha256(to_json(cell.resolved, JsonStyle::canonical));
  cell.target_facts = info.facts;
  cell.target_facts.set("model", info.model);
  cell.target_facts.set("on_this_machine", info.on_this_machine);
  cell.target_facts.set("cost", to_value(cost));
  cell.target_facts.set("max_error_rate", plan.max_error_rate);
  return cell;
}

// Cells that are the same would write over each other's records.
Result<void> check_distinct(const Experiment& experiment) {
  const auto name = [&](std::size_t cell) {
    const std::size_t per_set = experiment.plan.loads.size() * experiment.targets.size();
    const CellInfo& info = experiment.cells[cell];
    return info.target + " x " + experiment.plan.task_sets[cell / per_set].use + " x " +
           info.load_point;
  };
  std::map<std::string, std::size_t> seen;
  for (std::size_t i = 0; i < experiment.cells.size(); ++i) {
    const auto [first, fresh] = seen.emplace(experiment.cells[i].cell_id, i);
    if (fresh) continue;
    return fail(ErrorKind::usage,
                "the plan asks twice for the same: " + name(first->second) + " and " + name(i),
                "their task set, load and target are equal in all that counts",
                "leave one out; repeat asks the same tasks again");
  }
  return {};
}

Result<void> resolve_costs(const std::string& date, Experiment& experiment) {
  for (std::size_t i = 0; i < experiment.targets.size(); ++i) {
    const TargetInfo& info = experiment.targets[i]->info();
    TargetSpec& spec = experiment.plan.targets[i];
    auto row = resolve_cost(experiment.plan, info, date, spec);
    if (!row) return fail(row.error());
    if (auto ok = check_cap(experiment.plan, info, spec.cost, *row); !ok) return fail(ok.error());
    experiment.prices.push_back(std::move(*row));
  }
  return {};
}

}  // namespace

Result<Experiment> open_experiment(PlanSpec plan, std::vector<std::unique_ptr<Target>> targets,
                                   const std::string& date) {
  if (auto ok = check_plan(plan); !ok) return fail(ok.error());
  std::vector<TaskSet> sets;
  for (const auto& spec : plan.task_sets) {
    auto set = open_task_set(spec.use);
    if (!set) return fail(set.error());
    sets.push_back(std::move(*set));
  }
  return open_experiment(std::move(plan), std::move(targets), std::move(sets), date);
}

Result<Experiment> open_experiment(PlanSpec plan, std::vector<std::unique_ptr<Target>> targets,
                                   std::vector<TaskSet> task_sets, const std::string& date) {
  if (auto ok = check_plan(plan); !ok) return fail(ok.error());
  Experiment out;
  out.plan = std::move(plan);
  out.targets = std::move(targets);
  if (out.plan.loads.empty()) out.plan.loads.emplace_back();
  if (auto ok = resolve_costs(date, out); !ok) return fail(ok.error());
  for (std::size_t i = 0; i < task_sets.size(); ++i) {
    const auto rows = select(task_sets[i], out.plan.seed, out.plan.task_sets[i].limit);
    out.task_sets.push_back({std::move(task_sets[i]), rows});
    const OpenedTaskSet& set = out.task_sets.back();
    if (rows.empty()) {
      return fail(ErrorKind::invalid_input, "task set \"" + set.set.info().name + "\" has no task");
    }
    const auto generation = generation_for(out.plan, set.set.info());
    if (!generation) return fail(generation.error());
    for (const auto& load : out.plan.loads) {
      for (std::size_t t = 0; t < out.targets.size(); ++t) {
        out.cells.push_back(resolve_cell(out.plan, *out.targets[t], out.plan.targets[t].cost, set,
                                         *generation, load));
      }
    }
  }
  if (auto ok = check_distinct(out); !ok) return fail(ok.error());
  return out;
}

}  // namespace pennyweight
