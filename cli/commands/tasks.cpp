#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "datasets/builtin/builtin.h"
#include "datasets/selection.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

Result<ExitStatus> list() {
  std::vector<std::vector<std::string>> rows{{"name", "language", "measures"}};
  for (const BuiltinSet& set : builtin_sets()) {
    rows.push_back({set.name, set.language, set.measures});
    rows.push_back({"", "", "does not prove: " + set.limits});
  }
  print_columns(rows);
  print_note("sizes: NAME:quick 25, NAME:standard 100 (default), NAME:full 300 tasks");
  return ExitStatus::ok;
}

struct ShowOptions {
  std::string name;
  std::size_t count = 3;
};

Result<ExitStatus> show(const ShowOptions& options) {
  auto set = open_task_set(options.name);
  if (!set) return fail(set.error());
  const TaskSetInfo& info = set->info();
  std::string out = fmt::format("{} {} ({} tasks)\nsha256: {}\n", info.name, info.version,
                                set->size(), info.sha256);
  if (!info.description.empty()) out += "measures: " + info.description + "\n";
  if (!info.limits.empty()) out += "does not prove: " + info.limits + "\n";
  for (std::size_t i = 0; i < std::min(options.count, set->size()); ++i) {
    auto task = set->task(i);
    if (!task) return fail(task.error());
    out += fmt::format("\n--- {}\n", task->id);
    for (const Message& message : task->messages) {
      out += fmt::format("[{}]\n{}\n", message.role, replace_invalid_utf8(message.content));
    }
    for (const std::string& target : task->targets) out += "[target] " + target + "\n";
    out += "[scorer] " + task->scorer.name + "\n";
  }
  print_text(out);
  return ExitStatus::ok;
}

}  // namespace

void add_tasks(CLI::App& app, Action& chosen) {
  auto* tasks = app.add_subcommand("tasks", "Task sets: built-in ones and your own files");
  tasks->require_subcommand(1);
  auto* listing = tasks->add_subcommand("list", "The built-in task sets and what they measure");
  listing->callback([&chosen] { chosen = list; });
  auto* showing = tasks->add_subcommand("show", "A task set's facts and its first tasks");
  auto options = std::make_shared<ShowOptions>();
  showing->add_option("TASK_SET", options->name, "Built-in name, taskset.json or .jsonl")
      ->required()
      ->check(not_empty());
  showing->add_option("-n", options->count, "How many tasks to print")
      ->check(whole_number(0))
      ->capture_default_str();
  showing->footer("Example:\n  pennyweight tasks show table_arith -n 1");
  showing->callback([options, &chosen] { chosen = [options] { return show(*options); }; });
}

}  // namespace pennyweight
