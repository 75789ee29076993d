#include "cli/wiring.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "cli/print.h"
#include "cli/session.h"
#include "metrics/base/clock.h"
#include "metrics/base/file_io.h"
#include "metrics/base/hash.h"
#include "metrics/store.h"
#include "reports/writers/writer.h"
#include "runners/target_spec.h"

namespace pennyweight {
namespace {

std::string date_of(UnixTime t) {
  return std::string(utc_text(t).text).substr(0, 10);
}

std::string default_output(const Clock& clock, const std::string& run_id) {
  std::string stamp;
  for (const char c : std::string(utc_text(clock.unix_now()).text).substr(0, 19)) {
    if (c != '-' && c != ':') stamp += c;
  }
  return fmt::format("pennyweight-{}Z-{}.db", stamp, run_id.substr(run_id.size() - 6));
}

// The same file under two names has one normal name.
std::filesystem::path normal(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored);
}

// Before anything is loaded or sent.
Result<void> check_database(const std::string& path, bool resume) {
  if (auto file = refuse_directory(path, "run.db"); !file) return file;
  const bool exists = std::filesystem::exists(path);
  if (resume && !exists) {
    return fail(ErrorKind::not_found, "there is no \"" + path + "\" to resume", "",
                "name the database of the unfinished run with -o");
  }
  if (!resume && exists && !store_holds_nothing(path)) {
    return fail(ErrorKind::usage, "\"" + path + "\" exists already",
                "a run never overwrites what was measured",
                "go on with it: --resume; or name another file: -o other.db");
  }
  return exists ? Result<void>() : probe_writable(path);
}

Result<Experiment> open_all(PlanSpec plan, const Clock& clock) {
  std::vector<std::unique_ptr<Target>> targets;
  for (const TargetSpec& spec : plan.targets) {
    auto target = make_target(spec, clock);
    if (!target) return fail(target.error());
    targets.push_back(std::move(*target));
  }
  return open_experiment(std::move(plan), std::move(targets), date_of(clock.unix_now()));
}

// A line for each target whose cost has no bound in the grid, with the reason.
std::string why_no_cost(const Experiment& experiment, const std::vector<GridLine>& grid) {
  std::string out;
  for (std::size_t i = 0; i < experiment.targets.size(); ++i) {
    const CostRule& rule = experiment.plan.targets[i].cost;
    const std::string& name = experiment.targets[i]->info().name;
    const bool bounded = std::any_of(grid.begin(), grid.end(), [&](const GridLine& line) {
      return line.target == name && line.cost_bound;
    });
    if (bounded) continue;
    out += fmt::format("-  {}: {}", name, rule.words);
    if (rule.kind == CostRule::Kind::machine) out += "; it depends on how long the run takes";
    if (rule.kind == CostRule::Kind::tokens) out += "; no bound follows from this price";
    if (rule.kind == CostRule::Kind::none) {
      out +=
          "; add to the target price=PROVIDER/MODEL, as \"pennyweight prices list\" shows them, "
          "or machine_usd_per_hour=0.40";
    }
    out += "\n";
  }
  return out.empty() ? out : "\n" + out;
}

Result<ExitStatus> print_grid(const Experiment& experiment) {
  CostBound bound;
  auto grid = dry_run(experiment, bound);
  if (!grid) return fail(grid.error());
  std::vector<std::vector<std::string>> rows{
      {"target", "task set", "load", "tasks", "repeat", "warm-up", "cost at most"}};
  for (const GridLine& line : *grid) {
    rows.push_back({line.target, line.task_set, line.load_point, std::to_string(line.tasks),
                    std::to_string(line.repeat), std::to_string(line.warm_up),
                    line.cost_bound ? fmt::format("{} {}", money_text(*line.cost_bound),
                                                  line.cost_bound->currency.text())
                                    : "-"});
  }
  print_columns(rows, {3, 4, 5, 6});
  std::string total = fmt::format("\nat most {} requests, {} input and {} output tokens",
                                  bound.requests, bound.input_tokens, bound.output_tokens);
  if (bound.total) {
    total += fmt::format(", {} {}", money_text(*bound.total), bound.total->currency.text());
  }
  if (!bound.note.empty()) total += " (" + bound.note + ")";
  print_text(why_no_cost(experiment, *grid) + total + ". Nothing was sent.\n");
  return ExitStatus::ok;
}

// A resumed run's id, next sitting and what it has left.
Result<void> resume(const std::string& path, Experiment& experiment, RunOptions& options) {
  auto reader = StoreReader::open(path);
  if (!reader) return fail(reader.error());
  auto runs = (*reader)->runs();
  if (!runs) return fail(runs.error());
  if (runs->empty()) {
    return fail(ErrorKind::invalid_input, "\"" + path + "\" holds no run to resume");
  }
  options.run_id = runs->back().run_id;
  auto sittings = (*reader)->sittings(options.run_id);
  if (!sittings) return fail(sittings.error());
  for (const Sitting& sitting : *sittings) {
    options.sitting = std::max(options.sitting, sitting.number + 1);
  }
  return resume_from(**reader, options.run_id, experiment);
}

// Loop and store outlive the targets that use them.
Result<ExitStatus> run(PlanSpec plan, const ExecuteOptions& execute, SteadyClock& clock,
                       RunOptions options) {
  const std::string output = plan.output;
  auto loop = make_event_loop(clock);
  if (!loop) return fail(loop.error());
  std::unique_ptr<StoreWriter> store;
  auto experiment = open_all(std::move(plan), clock);
  if (!experiment) return fail(experiment.error());
  const auto open_store = [&](OpenMode mode) -> Result<void> {
    auto opened = StoreWriter::open(output, mode);
    if (!opened) return fail(opened.error());
    store = std::move(*opened);
    return {};
  };
  if (execute.resume) {  // locked before it is read: nobody else adds to what is left
    if (auto opened = open_store(OpenMode::resume); !opened) return fail(opened.error());
    if (auto resumed = resume(output, *experiment, options); !resumed) return fail(resumed.error());
  }
  for (const auto& target : experiment->targets) {
    if (auto checked = target->check(); !checked) return fail(checked.error());
  }
  if (!execute.resume) {
    if (auto opened = open_store(OpenMode::create_new); !opened) return fail(opened.error());
  }
  Session session{clock, *experiment, *store, **loop, options, output, execute.progress};
  return run_session(session);
}

}  // namespace

Result<void> refuse_directory(const std::string& path, std::string_view example) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return {};
  return fail(ErrorKind::io, "\"" + path + "\" is a directory", "a file is wanted here",
              "name a file, as in " + (std::filesystem::path(path) / example).string());
}

Result<void> check_outputs(const std::string& store, const std::vector<std::string>& reports) {
  std::set<std::filesystem::path> seen;
  if (!store.empty()) seen.insert(normal(store));
  for (const std::string& path : reports) {
    if (auto file = refuse_directory(path, "report.csv"); !file) return file;
    if (!seen.insert(normal(path)).second) {
      return fail(ErrorKind::usage, "\"" + path + "\" is named twice as output",
                  "one would overwrite the other", "give each output its own name");
    }
    if (auto format = format_of(path); !format) return fail(format.error());
    if (auto writable = probe_writable(path); !writable) return fail(writable.error());
  }
  return {};
}

bool needs_requests(const std::vector<std::string>& reports, std::string_view table) {
  return table == "requests" ||
         std::any_of(reports.begin(), reports.end(), [](const std::string& path) {
           const auto format = format_of(path);
           return format && (*format == Format::xlsx || *format == Format::json);
         });
}

Result<ExitStatus> execute(PlanSpec plan, const ExecuteOptions& execute) {
  if (auto checked = check_plan(plan); !checked) return fail(checked.error());
  if (execute.print_plan) {
    print_text(to_toml(plan));
    return ExitStatus::ok;
  }
  SteadyClock clock;
  if (execute.dry_run) {
    auto experiment = open_all(std::move(plan), clock);
    if (!experiment) return fail(experiment.error());
    return print_grid(*experiment);
  }
  RunOptions options;
  options.run_id = make_uuid_v7(clock.unix_now());
  if (plan.output.empty()) plan.output = default_output(clock, options.run_id);
  if (auto database = check_database(plan.output, execute.resume); !database) {
    return fail(database.error());
  }
  if (auto outputs = check_outputs(plan.output, plan.reports); !outputs)
    return fail(outputs.error());
  return run(std::move(plan), execute, clock, options);
}

}  // namespace pennyweight
