#include "cli/wiring.h"

#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "cli/print.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "metrics/base/clock.h"
#include "metrics/base/file_io.h"
#include "metrics/base/hash.h"
#include "metrics/energy/meter.h"
#include "metrics/machine.h"
#include "reports/report.h"
#include "reports/writers/writer.h"
#include "runners/remote_target.h"
#include "runners/target_spec.h"

namespace pennyweight {
namespace {

using std::chrono::milliseconds;

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

Result<Experiment> open_all(PlanSpec plan, const Clock& clock) {
  std::vector<std::unique_ptr<Target>> targets;
  for (const TargetSpec& spec : plan.targets) {
    auto target = make_target(spec, clock);
    if (!target) return fail(target.error());
    targets.push_back(std::move(*target));
  }
  return open_experiment(std::move(plan), std::move(targets), date_of(clock.unix_now()));
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
  std::string total = fmt::format("\n{} requests, at most {} input and {} output tokens",
                                  bound.requests, bound.input_tokens, bound.output_tokens);
  if (bound.total) {
    total += fmt::format(", at most {} {}", money_text(*bound.total), bound.total->currency.text());
  }
  if (!bound.note.empty()) total += " (" + bound.note + ")";
  print_text(total + ". Nothing was sent.\n");
  return ExitStatus::ok;
}

// What a run has open while it runs.
struct Session {
  SteadyClock& clock;
  Experiment& experiment;
  StoreWriter& store;
  RunOptions options;
  std::string output;
};

Result<void> check_targets(Experiment& experiment) {
  for (const auto& target : experiment.targets) {
    if (auto checked = target->check(); !checked) return fail(checked.error());
  }
  return {};
}

RunInfo run_info(const Session& session, const ExecuteOptions& execute,
                 const std::string& no_energy) {
  RunInfo run;
  run.run_id = session.options.run_id;
  run.name = session.experiment.plan.name;
  run.program_version = build_info().version;
  run.program_commit = build_info().commit;
  run.build_type = build_info().build_type;
  run.plan_toml = redact(to_toml(session.experiment.plan));
  run.command_line = redact(execute.command_line);
  run.seed = session.experiment.plan.seed;
  run.started = session.clock.unix_now();
  run.machine = Machine::detect();
  if (!no_energy.empty()) run.energy_notes.set("why_none", no_energy);
  return run;
}

// Null when energy is off or this machine has no readable counter; `why_none` says so.
std::unique_ptr<EnergyMeter> find_energy(const Session& session, std::string& why_none) {
  if (session.experiment.plan.energy == "off") {
    why_none = "energy was switched off for this run";
    return nullptr;
  }
  auto meter = EnergyMeter::discover("/sys", session.clock);
  why_none = meter->why_none();
  return meter;
}

std::unique_ptr<EnergySampler> start_energy(std::unique_ptr<EnergyMeter> meter,
                                            StoreWriter& store) {
  if (meter == nullptr) return nullptr;
  for (const EnergySourceInfo& source : meter->sources()) store.put(source);
  if (!meter->why_none().empty()) return nullptr;
  return std::make_unique<EnergySampler>(
      std::move(meter), milliseconds(100),
      [&store](const EnergySample& sample) { store.put(sample); });
}

// A resumed run's id, next sitting and what it has left.
Result<void> resume(const std::string& path, Experiment& experiment, RunOptions& options) {
  auto reader = StoreReader::open(path);
  if (!reader) return fail(reader.error());
  auto runs = (*reader)->runs();
  if (!runs) return fail(runs.error());
  if (runs->empty())
    return fail(ErrorKind::invalid_input, "\"" + path + "\" holds no run to resume");
  options.run_id = runs->back().run_id;
  auto sittings = (*reader)->sittings(options.run_id);
  if (!sittings) return fail(sittings.error());
  for (const Sitting& sitting : *sittings)
    options.sitting = std::max(options.sitting, sitting.number + 1);
  return resume_from(**reader, options.run_id, experiment);
}

Result<RunResult> drive(Session& session, EventLoop& loop, bool progress_wanted, int& signal) {
  StopRequest stop;
  const SignalGuard guard(stop);
  Progress progress(progress_wanted && stderr_is_terminal(), terminal_columns());
  Result<RunResult> result = RunResult{};
  std::thread loop_thread([&] {
    result =
        run_experiment(session.experiment, loop, session.store, session.options, progress, stop);
    progress.finish();
  });
  progress.draw();
  loop_thread.join();
  signal = guard.last_signal();
  return result;
}

RunStatus status_of(const Result<RunResult>& result) {
  if (!result) return RunStatus::failed;
  switch (result->end) {
    case RunEnd::complete:
      return RunStatus::complete;
    case RunEnd::interrupted:
      return RunStatus::interrupted;
    case RunEnd::budget_reached:
    case RunEnd::duration_reached:
      return RunStatus::budget_reached;
    case RunEnd::store_failed:
      break;
  }
  return RunStatus::failed;
}

Result<void> write_reports(const std::string& output, const std::vector<std::string>& paths) {
  auto reader = StoreReader::open(output);
  if (!reader) return fail(reader.error());
  auto report = build_report(**reader, {});
  if (!report) return fail(report.error());
  WriteOptions options;
  // One report that cannot be written must not lose the others.
  std::optional<Error> first;
  for (const std::string& path : paths) {
    if (auto written = write_report(*report, path, options); !written && !first) {
      first = written.error();
    }
  }
  options.terminal_columns = terminal_columns();
  options.colour = want_colour();
  auto text = write_text(*report, Format::terminal, options);
  if (!text) return fail(text.error());
  print_text(*text);
  if (first) return fail(*first);
  return {};
}

// Precedence: interrupted, then disk, authentication, unreachable, budget (cli/exit_status.h).
Result<ExitStatus> verdict(const RunResult& result, double max_error_rate, int signal) {
  if (result.end == RunEnd::interrupted) {
    return signal == SIGTERM ? ExitStatus::terminated : ExitStatus::interrupted;
  }
  if (result.end == RunEnd::store_failed) {
    return fail(result.store_error.value_or(
        Error{ErrorKind::io, "the store could not be written", "", ""}));
  }
  if (result.authentication_failures > 0) {
    return fail(
        ErrorKind::authentication,
        fmt::format("{} requests were refused for their key", result.authentication_failures), "",
        "check the key in the environment; \"pennyweight doctor\" says which are set");
  }
  const double rate = result.requests == 0 ? 0
                                           : static_cast<double>(result.failed) /
                                                 static_cast<double>(result.requests);
  if (result.all_failed_to_connect || rate > max_error_rate) {
    return fail(
        ErrorKind::unreachable,
        fmt::format("{} of {} requests failed", result.failed, result.requests),
        fmt::format("more than --max-error-rate {} allows", max_error_rate),
        "the requests table says why each failed; the report above holds what was measured");
  }
  if (result.end == RunEnd::budget_reached || result.end == RunEnd::duration_reached) {
    print_note(result.end == RunEnd::budget_reached ? "stopped before --max-cost would be passed"
                                                    : "stopped at --max-duration");
    return ExitStatus::budget;
  }
  return ExitStatus::ok;
}

Result<void> begin(Session& session, const ExecuteOptions& execute, const std::string& no_energy) {
  const RunInfo run = run_info(session, execute, no_energy);
  if (session.options.sitting == 0) {
    std::vector<PriceRow> prices;
    for (const auto& price : session.experiment.prices) {
      if (price) prices.push_back(*price);
    }
    auto begun = session.store.begin_run(run, session.experiment.cells, prices);
    if (!begun) return begun;
  } else if (auto running = session.store.set_status(RunStatus::running); !running) {
    return running;
  }
  Sitting sitting;
  sitting.number = session.options.sitting;
  sitting.clock_pairs = {{session.clock.now(), session.clock.unix_now()}};
  sitting.program_version = run.program_version;
  sitting.program_commit = run.program_commit;
  sitting.build_type = run.build_type;
  sitting.machine = run.machine;
  sitting.energy_notes = run.energy_notes;
  return session.store.begin_sitting(sitting);
}

Result<ExitStatus> run_session(Session& session, EventLoop& loop, const ExecuteOptions& execute) {
  std::string no_energy;
  auto meter = find_energy(session, no_energy);
  if (auto begun = begin(session, execute, no_energy); !begun) return fail(begun.error());
  auto energy = start_energy(std::move(meter), session.store);
  if (energy) session.options.at_edge = [&energy] { energy->mark(); };
  int signal = 0;
  auto result = drive(session, loop, execute.progress, signal);
  energy.reset();
  const auto marked = session.store.set_status(status_of(result));
  const auto closed = session.store.close();
  if (!result) return fail(result.error());
  print_note("stored in " + session.output + "; rebuild any report: pennyweight report " +
             session.output);
  const auto reported = write_reports(session.output, session.experiment.plan.reports);
  auto status = verdict(*result, session.experiment.plan.max_error_rate, signal);
  if (!status || *status == ExitStatus::interrupted || *status == ExitStatus::terminated)
    return status;
  if (!marked) return fail(marked.error());
  if (!closed) return fail(closed.error());
  if (!reported) return fail(reported.error());
  return status;
}

}  // namespace

Result<void> check_outputs(const std::string& store, const std::vector<std::string>& reports) {
  std::set<std::filesystem::path> seen;
  const auto normal = [](const std::string& path) {
    std::error_code ignored;
    return std::filesystem::weakly_canonical(path, ignored);
  };
  if (!store.empty()) seen.insert(normal(store));
  for (const std::string& path : reports) {
    if (auto format = format_of(path); !format) return fail(format.error());
    if (!seen.insert(normal(path)).second) {
      return fail(ErrorKind::usage, "\"" + path + "\" is named twice as output",
                  "one would overwrite the other", "give each output its own name");
    }
    if (auto writable = probe_writable(path); !writable) return fail(writable.error());
  }
  return {};
}

Result<ExitStatus> execute(PlanSpec plan, const ExecuteOptions& execute) {
  if (auto checked = check_plan(plan); !checked) return fail(checked.error());
  if (execute.print_plan) {
    print_text(to_toml(plan));
    return ExitStatus::ok;
  }
  SteadyClock clock;
  RunOptions options;
  options.run_id = make_uuid_v7(clock.unix_now());
  if (plan.output.empty()) plan.output = default_output(clock, options.run_id);
  const std::string output = plan.output;
  if (!execute.dry_run) {
    if (auto outputs = check_outputs(output, plan.reports); !outputs) return fail(outputs.error());
  }
  auto experiment = open_all(std::move(plan), clock);
  if (!experiment) return fail(experiment.error());
  if (execute.dry_run) return print_grid(*experiment);
  if (execute.resume) {
    if (auto resumed = resume(output, *experiment, options); !resumed) return fail(resumed.error());
  }
  if (auto checked = check_targets(*experiment); !checked) return fail(checked.error());
  auto store = StoreWriter::open(output, execute.resume ? OpenMode::resume : OpenMode::create_new);
  if (!store) return fail(store.error());
  auto loop = make_event_loop(clock);
  if (!loop) return fail(loop.error());
  Session session{clock, *experiment, **store, options, output};
  auto status = run_session(session, **loop, execute);
  // Targets hold on to the loop: they go first.
  experiment->targets.clear();
  return status;
}

}  // namespace pennyweight
