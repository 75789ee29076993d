#include "cli/session.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "cli/failures.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/wiring.h"
#include "metrics/base/file_io.h"
#include "metrics/base/utf8.h"
#include "metrics/energy/meter.h"
#include "metrics/machine.h"
#include "reports/report.h"
#include "reports/writers/writer.h"
#include "runners/remote_target.h"

namespace pennyweight {
namespace {

// What went wrong, and the status of the worst of it.
class Problems {
 public:
  template <class T>
  void take(const Result<T>& result) {
    if (!result) add(result.error());
  }
  void add(const Error& error) {
    print_error(error);
    raise(exit_status(error.kind));
  }
  // 70 > 130/143 > 2 > 3 > 4 > 5 > 7 > 1 > 6 > 0
  void raise(ExitStatus status) {
    constexpr std::array kWorstFirst{
        ExitStatus::bug,          ExitStatus::interrupted, ExitStatus::terminated,
        ExitStatus::usage,        ExitStatus::preflight,   ExitStatus::authentication,
        ExitStatus::unreachable,  ExitStatus::budget,      ExitStatus::gate_failed,
        ExitStatus::inconclusive, ExitStatus::ok};
    for (const ExitStatus candidate : kWorstFirst) {
      if (candidate != status && candidate != status_) continue;
      status_ = candidate;
      return;
    }
  }
  ExitStatus status() const { return status_; }

 private:
  ExitStatus status_ = ExitStatus::ok;
};

std::string own_command_line() {
  auto bytes = read_file("/proc/self/cmdline");
  if (!bytes) return {};
  if (!bytes->empty()) bytes->pop_back();
  std::replace(bytes->begin(), bytes->end(), '\0', ' ');
  return redact(*bytes);
}

RunInfo run_info(const Session& session, const std::string& no_energy) {
  const PlanSpec& plan = session.experiment.plan;
  RunInfo run;
  run.run_id = session.options.run_id;
  run.name = plan.name;
  run.program_version = build_info().version;
  run.program_commit = build_info().commit;
  run.build_type = build_info().build_type;
  run.plan_toml = redact(to_toml(plan));
  run.command_line = own_command_line();
  run.seed = plan.seed;
  run.started = session.clock.unix_now();
  run.machine = Machine::detect();
  if (!no_energy.empty()) run.energy_notes.set("why_none", no_energy);
  return run;
}

// Null when energy is off; `why_none` says so, or why this machine has no readable counter.
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
      std::move(meter), std::chrono::milliseconds(100),
      [&store](const EnergySample& sample) { store.put(sample); });
}

// A later sitting begins the same run again: its first facts stay, and the sitting has its own.
// Rows that begin later are kept too: the run may go on past midnight.
Result<void> begin(Session& session, const std::string& no_energy) {
  std::vector<PriceRow> prices;
  for (const auto& price : session.experiment.prices) {
    if (!price) continue;
    for (PriceRow& row : PriceBook::embedded().since(price->key(), price->effective_from))
      prices.push_back(std::move(row));
  }
  const RunInfo run = run_info(session, no_energy);
  auto begun = session.store.begin_run(run, session.experiment.cells, prices);
  if (!begun) return begun;
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

// The loop has a thread of its own; this one draws. A bug on the loop's thread must not cost what
// was measured, so it comes back as an error.
Result<RunResult> drive(Session& session, StopRequest& stop, std::vector<std::string>& failures) {
  Progress progress(terminal_columns());
  FailureTally tally(progress);
  Result<RunResult> result = RunResult{};
  std::thread loop_thread([&] {
    try {
      result = run_experiment(session.experiment, session.loop, session.store, session.options,
                              tally, stop);
    } catch (const std::exception& bug) {
      result = fail(ErrorKind::internal, bug.what(), "this is a bug in pennyweight",
                    "please report it; what was measured is in " + session.output);
    }
    progress.finish();
  });
  if (session.progress && stderr_is_terminal()) progress.draw();
  loop_thread.join();
  failures = tally.lines();
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

// One report that cannot be written must not lose the others.
void write_reports(const Session& session, Problems& problems) {
  const std::vector<std::string>& paths = session.experiment.plan.reports;
  auto reader = StoreReader::open(session.output);
  if (!reader) return problems.add(reader.error());
  ReportOptions wanted;
  wanted.database = session.output;
  wanted.requests = needs_requests(paths, "summary");
  auto report = build_report(**reader, wanted);
  if (!report) return problems.add(report.error());
  WriteOptions options;
  for (const std::string& path : paths) problems.take(write_report(*report, path, options));
  options.terminal_columns = terminal_columns();
  options.colour = want_colour();
  auto text = write_text(*report, Format::terminal, options);
  if (!text) return problems.add(text.error());
  print_text(*text);
}

// A prompt that is not as the model's authors meant it is told before it is sent.
void note_templates(const Experiment& experiment) {
  for (const auto& target : experiment.targets) {
    const Value* const note = target->info().facts.find("template_note");
    if (note != nullptr && note->text() != nullptr) {
      print_note(target->info().name + ": " + printable(*note->text()));
    }
  }
}

void judge(const RunResult& result, const Session& session, int signal, Problems& problems) {
  const double max_error_rate = session.experiment.plan.max_error_rate;
  if (result.end == RunEnd::interrupted) {
    problems.raise(signal == SIGTERM ? ExitStatus::terminated : ExitStatus::interrupted);
  }
  if (result.store_error) problems.add(*result.store_error);
  const double rate = result.requests == 0 ? 0
                                           : static_cast<double>(result.failed) /
                                                 static_cast<double>(result.requests);
  for (const Error& loss : result.lost) problems.add(loss);
  const bool too_many = rate > max_error_rate;
  const std::string measured =
      fmt::format("{} of {} measured requests failed", result.failed, result.requests);
  if (too_many && result.authentication_failures > 0) {
    problems.add({ErrorKind::authentication, "a target refused the key", measured,
                  "check the key in the environment; \"pennyweight doctor\" says which are set"});
  } else if (too_many) {
    problems.add({ErrorKind::unreachable, measured,
                  fmt::format("more than --max-error-rate {} allows", max_error_rate),
                  "the requests table says why each failed: pennyweight report " + session.output +
                      " --table requests --format csv"});
  }
  if (result.unsupported > 0 && result.unsupported == result.requests) {
    problems.add({ErrorKind::unsupported, "no target could take any of the tasks",
                  "all measured requests are unsupported",
                  "the lines above say why; choose another target or task set"});
  }
  if (result.end == RunEnd::budget_reached) print_note("stopped before --max-cost would be passed");
  if (result.end == RunEnd::duration_reached) print_note("stopped at --max-duration");
  if (result.end == RunEnd::budget_reached || result.end == RunEnd::duration_reached) {
    problems.raise(ExitStatus::budget);
  }
}

}  // namespace

ExitStatus run_session(Session& session) {
  Problems problems;
  std::string no_energy;
  auto meter = find_energy(session, no_energy);
  if (auto begun = begin(session, no_energy); !begun) {
    problems.add(begun.error());
    return problems.status();
  }
  note_templates(session.experiment);
  auto energy = start_energy(std::move(meter), session.store);
  if (energy) session.options.at_edge = [&energy] { energy->mark(); };
  StopRequest stop;
  const SignalGuard guard(stop);
  std::vector<std::string> failures;
  const auto result = drive(session, stop, failures);
  energy.reset();
  problems.take(session.store.set_status(status_of(result)));
  problems.take(session.store.close());
  print_note("stored in " + session.output);
  write_reports(session, problems);
  for (const std::string& line : failures) print_note(line);
  if (result) {
    judge(*result, session, guard.last_signal(), problems);
  } else {
    problems.add(result.error());
  }
  return problems.status();
}

}  // namespace pennyweight
