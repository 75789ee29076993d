// The command line as a whole: the app with all its commands, and how a wrong one is answered.
#pragma once

namespace pennyweight {

// Parses and runs; prints one error. The only place that turns results into an exit status.
int run_command_line(int argc, char** argv);

}  // namespace pennyweight
