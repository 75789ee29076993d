#include <filesystem>

#include <CLI/CLI.hpp>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "cli/wiring.h"
#include "metrics/base/file_io.h"
#include "runners/plan.h"

namespace pennyweight {

void add_init(CLI::App& app, Action& chosen) {
  auto* command = app.add_subcommand("init", "Write a commented PLAN.toml to start from");
  auto path = std::make_shared<std::string>("PLAN.toml");
  command->add_option("FILE", *path, "Where to write it")
      ->check(not_empty())
      ->capture_default_str();
  command->footer("Example:\n  pennyweight init && pennyweight run PLAN.toml --dry-run");
  command->callback([path, &chosen] {
    chosen = [path]() -> Result<ExitStatus> {
      if (auto file = refuse_directory(*path, "PLAN.toml"); !file) return fail(file.error());
      if (std::filesystem::exists(*path)) {
        return fail(ErrorKind::usage, "\"" + *path + "\" exists already",
                    "init never overwrites a file",
                    "name another file: pennyweight init other.toml");
      }
      if (auto written = write_file_atomically(*path, example_plan()); !written) {
        return fail(written.error());
      }
      print_note("wrote " + *path + "; next: pennyweight run " + *path + " --dry-run");
      return ExitStatus::ok;
    };
  });
}

}  // namespace pennyweight
