#include "cli/options.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "metrics/machine.h"

namespace pennyweight {
namespace {

constexpr const char* kNoArguments =
    "pennyweight weighs small language models against large ones. Three ways to begin:\n\n"
    "  pennyweight run --task-set table_arith --target local:MODEL.gguf --target "
    "openai:gpt-4o-mini\n"
    "  pennyweight doctor\n"
    "  pennyweight demo\n\n"
    "pennyweight --help lists the commands.\n";

std::string version_text() {
  const BuildInfo& build = build_info();
  return fmt::format("pennyweight {} ({}, {}, {}{})\n", build.version, build.commit, build.compiler,
                     build.build_type, build.sanitizer ? ", sanitizer" : "");
}

void add_commands(CLI::App& app, Action& chosen) {
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help of all commands");
  app.add_flag_callback(
      "--version", [] { throw CLI::CallForVersion(version_text(), 0); },
      "Version, commit and build");
  app.footer("Start with: pennyweight demo\nEach command explains itself: pennyweight run --help");
  add_run(app, chosen);
  add_init(app, chosen);
  add_report(app, chosen);
  add_serve(app, chosen);
  add_model(app, chosen);
  add_tasks(app, chosen);
  add_prices(app, chosen);
  add_doctor(app, chosen);
  add_demo(app, chosen);
}

}  // namespace

int run_command_line(int argc, char** argv) {
  if (argc <= 1) {
    print_text(kNoArguments);
    return static_cast<int>(ExitStatus::ok);
  }
  CLI::App app{"Weighs small language models against large ones: quality, speed, energy, money.",
               "pennyweight"};
  Action chosen;
  add_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    print_text(version.what());
    return static_cast<int>(ExitStatus::ok);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help was asked for
    print_error(usage_error(app, error));
    return static_cast<int>(ExitStatus::usage);
  }
  Result<ExitStatus> result = chosen();
  // A full disk behind "> file" must not pass for a result. A reader that left is no error.
  if (result && stdout_error() != 0 && stdout_error() != EPIPE) {
    result = fail(ErrorKind::io, "cannot write to standard output", std::strerror(stdout_error()),
                  "make room, or write to another place with -o");
  }
  if (result) return static_cast<int>(*result);
  print_error(result.error());
  return static_cast<int>(exit_status(result.error().kind));
}

}  // namespace pennyweight
