#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "cli/wiring.h"
#include "metrics/base/file_io.h"
#include "metrics/base/text_template.h"
#include "metrics/base/units.h"
#include "metrics/base/utf8.h"
#include "runners/plan.h"

namespace pennyweight {
namespace {

// Every flag that was given overrides the plan's own value; lists replace the plan's lists.
struct RunFlags {
  std::string plan, output, max_cost, max_duration, machine_rate, electricity;
  std::vector<std::string> targets, task_sets, reports;
  std::vector<int> concurrency;
  std::string response_format;
  std::optional<int> repeat, warm_up, max_tokens;
  std::optional<std::size_t> limit;
  std::optional<std::uint64_t> seed;
  std::optional<double> temperature, frequency_penalty, presence_penalty, repeat_penalty;
  std::optional<double> max_error_rate;
  bool no_stream = false, no_energy = false;
  ExecuteOptions execute;
};

Result<Money> usd(const std::string& text, std::string_view flag) {
  const auto money = parse_money(text, kUsd);
  if (money && money->pico >= 0) return *money;
  return fail(ErrorKind::usage, fmt::format("{} {} is not an amount", flag, text), "",
              "write dollars with a point: 0.40");
}

Result<void> apply_money(const RunFlags& flags, PlanSpec& plan) {
  const std::pair<const std::string*, std::optional<Money>*> amounts[] = {
      {&flags.max_cost, &plan.max_cost},
      {&flags.machine_rate, &plan.machine_per_hour},
      {&flags.electricity, &plan.electricity_per_kwh}};
  const std::string_view names[] = {"--max-cost", "--machine-usd-per-hour",
                                    "--electricity-usd-per-kwh"};
  for (std::size_t i = 0; i < std::size(amounts); ++i) {
    if (amounts[i].first->empty()) continue;
    auto money = usd(*amounts[i].first, names[i]);
    if (!money) return fail(money.error());
    *amounts[i].second = *money;
  }
  if (!flags.max_duration.empty()) {
    plan.max_duration = parse_duration(flags.max_duration);
    if (!plan.max_duration) {
      return fail(ErrorKind::usage, "--max-duration " + flags.max_duration + " is not a duration",
                  "", "write 30s, 5m or 2h");
    }
  }
  return {};
}

// A plan holds the schema itself, so that what is stored says all.
Result<void> apply_format(const RunFlags& flags, PlanSpec& plan) {
  if (flags.response_format.empty()) return {};
  plan.response_format = flags.response_format;
  if (flags.response_format == "json_object") return {};
  auto schema = read_file(flags.response_format);
  if (!schema) return fail(schema.error());
  plan.response_format = std::string(strip(*schema));
  const auto parsed = parse_json(*schema);
  if (!parsed) {
    return fail(ErrorKind::usage, flags.response_format + ": the JSON schema is not JSON",
                parsed.error().what, "correct the schema");
  }
  return {};
}

Result<void> apply_lists(const RunFlags& flags, PlanSpec& plan) {
  if (!flags.targets.empty()) plan.targets.clear();
  for (const std::string& use : flags.targets) {
    auto target = parse_target(use);
    if (!target) return fail(target.error());
    plan.targets.push_back(std::move(*target));
  }
  if (!flags.task_sets.empty()) plan.task_sets.clear();
  for (const std::string& use : flags.task_sets) plan.task_sets.push_back({use, std::nullopt});
  if (flags.limit) {
    for (TaskSetSpec& set : plan.task_sets) set.limit = flags.limit;
  }
  if (!flags.concurrency.empty()) plan.loads.clear();
  for (const int concurrency : flags.concurrency) {
    LoadPoint load;
    load.concurrency = concurrency;
    plan.loads.push_back(load);
  }
  if (!flags.reports.empty()) plan.reports = flags.reports;
  return {};
}

Result<PlanSpec> plan_of(const RunFlags& flags) {
  PlanSpec plan;
  if (!flags.plan.empty()) {
    auto bytes = read_file(flags.plan);
    if (!bytes) return fail(bytes.error());
    auto parsed = parse_plan(*bytes, flags.plan);
    if (!parsed) return fail(parsed.error());
    plan = std::move(*parsed);
  }
  if (auto applied = apply_lists(flags, plan); !applied) return fail(applied.error());
  if (auto applied = apply_money(flags, plan); !applied) return fail(applied.error());
  if (flags.repeat) plan.repeat = *flags.repeat;
  if (flags.warm_up) plan.warm_up = *flags.warm_up;
  if (flags.seed) plan.seed = *flags.seed;
  if (flags.max_tokens) plan.max_tokens = flags.max_tokens;
  if (flags.temperature) plan.temperature = flags.temperature;
  if (flags.frequency_penalty) plan.frequency_penalty = flags.frequency_penalty;
  if (flags.presence_penalty) plan.presence_penalty = flags.presence_penalty;
  if (flags.repeat_penalty) plan.repeat_penalty = flags.repeat_penalty;
  if (auto applied = apply_format(flags, plan); !applied) return fail(applied.error());
  if (flags.max_error_rate) plan.max_error_rate = *flags.max_error_rate;
  if (flags.no_stream) plan.stream = false;
  if (flags.no_energy) plan.energy = "off";
  if (!flags.output.empty()) plan.output = flags.output;
  return plan;
}

Result<ExitStatus> run(const RunFlags& flags) {
  auto plan = plan_of(flags);
  if (!plan) return fail(plan.error());
  return execute(std::move(*plan), flags.execute);
}

void add_what_flags(CLI::App& command, RunFlags& flags) {
  command.add_option("PLAN", flags.plan, "Plan file (TOML); flags override it")->check(not_empty());
  command
      .add_option("--task-set", flags.task_sets,
                  "Built-in name, taskset.json or .jsonl (repeatable)")
      ->check(not_empty());
  command
      .add_option("--target", flags.targets,
                  "local:FILE.gguf, openai:MODEL, http://HOST:PORT/v1#MODEL, "
                  "sim:ttft=200ms (repeatable; options after commas)")
      ->check(not_empty());
  command.add_option("--concurrency", flags.concurrency, "Requests in flight (repeatable)")
      ->check(whole_number(1, 10000));
  command.add_option("--repeat", flags.repeat, "Times each task is asked (1)")
      ->check(whole_number(1, 1000));
  command.add_option("--limit", flags.limit, "Tasks of each set, picked by hash")
      ->check(whole_number(1));
  command.add_option("--seed", flags.seed, "Of selection, order and sampling (1)")
      ->check(whole_number(0));
  command
      .add_option(
          "--warmup", flags.warm_up,
          "Requests before measuring, for each cell; above concurrency 1 for each block (2)")
      ->check(whole_number(0, 1000));
  command
      .add_option("--max-tokens", flags.max_tokens,
                  "Output tokens at most; the task set's own else")
      ->check(whole_number(1, 1'000'000));
  command
      .add_option("--temperature", flags.temperature, "The task set's own, or the target's, else")
      ->check(real_number(0, 100));
  command
      .add_option("--frequency-penalty", flags.frequency_penalty,
                  "Of repeated tokens, for each time (0)")
      ->check(real_number(-2, 2));
  command.add_option("--presence-penalty", flags.presence_penalty, "Of repeated tokens, once (0)")
      ->check(real_number(-2, 2));
  command
      .add_option("--repeat-penalty", flags.repeat_penalty,
                  "Factor on repeated tokens' logits (1); local targets only")
      ->check(real_number(0.01, 100));
  command
      .add_option("--response-format", flags.response_format,
                  "json_object, or the file of a JSON schema that answers must follow")
      ->check(not_empty());
  command.add_flag("--no-stream", flags.no_stream, "Ask for whole answers: no TTFT, no TPOT");
}

void add_limit_flags(CLI::App& command, RunFlags& flags) {
  command.add_option("--max-cost", flags.max_cost, "Stop before this many USD are spent (exit 7)");
  command.add_option("--max-duration", flags.max_duration, "Stop sending after this long: 30s, 5m");
  command
      .add_option("--max-error-rate", flags.max_error_rate, "Above it the exit status is 5 (0.01)")
      ->check(real_number(0, 1));
  command.add_option("--machine-usd-per-hour", flags.machine_rate,
                     "What an hour of this machine costs");
  command.add_option("--electricity-usd-per-kwh", flags.electricity,
                     "Tariff, where energy is measured");
  command.add_flag("--no-energy", flags.no_energy, "Do not read energy counters");
}

void add_output_flags(CLI::App& command, RunFlags& flags) {
  command.add_option("-o,--output", flags.output, "Database (default ./pennyweight-<UTC>-<id>.db)")
      ->check(not_empty());
  command
      .add_option("--report", flags.reports, "Report file: .csv .tsv .xlsx .md .json (repeatable)")
      ->check(not_empty());
  command.add_flag("--resume", flags.execute.resume, "Go on with the unfinished run in --output");
  command.add_flag(
      "--dry-run", flags.execute.dry_run,
      "Print the grid, the number of requests and an upper bound of the cost; send nothing");
  command.add_flag("--print-plan", flags.execute.print_plan,
                   "Print the plan as TOML; send nothing");
  command.add_flag_callback(
      "--no-progress", [&flags] { flags.execute.progress = false; }, "No progress line");
}

}  // namespace

void add_run(CLI::App& app, Action& chosen) {
  auto* command = app.add_subcommand("run", "Ask the same tasks of every target, measure, report");
  auto flags = std::make_shared<RunFlags>();
  add_what_flags(*command, *flags);
  add_limit_flags(*command, *flags);
  add_output_flags(*command, *flags);
  command->footer(
      "Examples:\n"
      "  pennyweight run --task-set table_arith --target local:model.gguf \\\n"
      "      --target http://127.0.0.1:8080/v1#big --repeat 3 -o run.db --report out.md\n"
      "  pennyweight run PLAN.toml --dry-run\n"
      "Keys come from the environment (OPENAI_API_KEY) or a file that the plan names, never from "
      "flags.");
  command->callback([flags, &chosen] { chosen = [flags] { return run(*flags); }; });
}

}  // namespace pennyweight
