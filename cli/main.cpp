#include <csignal>
#include <cstdio>
#include <exception>

#include "cli/exit_status.h"
#include "cli/options.h"

int main(int argc, char** argv) {
  // A server or reader that goes away is an error to report, not a reason to die.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return pennyweight::run_command_line(argc, argv);
  } catch (const std::exception& bug) {
    std::fprintf(
        stderr,
        "error: %s\n  why: this is a bug in pennyweight\n"
        "  fix: please report it with the command line; what was measured is in the .db file\n",
        bug.what());
  }
  return static_cast<int>(pennyweight::ExitStatus::bug);
}
