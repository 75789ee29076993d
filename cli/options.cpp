#include "cli/options.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "metrics/base/utf8.h"
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

// Names of the options and commands that the user may have meant.
std::vector<std::string> names_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

const CLI::App& deepest(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

Error usage_error(const CLI::App& app, const CLI::ParseError& error, int argc, char** argv) {
  const CLI::App& at = deepest(app);
  const std::string help = fmt::format("\"{} --help\" lists what there is", path_of(at));
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    const auto names = names_of(at);
    for (int i = 1; i < argc; ++i) {
      std::string word = argv[i];
      word = word.substr(0, word.find('='));
      const bool known = std::find(names.begin(), names.end(), word) != names.end();
      const bool flag = word.rfind("--", 0) == 0;
      const bool command = i == 1 || !at.get_subcommands({}).empty();
      if (known || (!flag && !command) || word == at.get_name()) continue;
      const std::string_view meant = nearest(word, names);
      if (meant.empty() && !flag) continue;
      return {ErrorKind::usage, fmt::format("unknown {} \"{}\"", flag ? "option" : "command", word),
              "", meant.empty() ? help : fmt::format("did you mean {}? {}", meant, help)};
    }
  }
  return {ErrorKind::usage, error.what(), "", help};
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
    print_error(usage_error(app, error, argc, argv));
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
