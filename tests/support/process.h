// Runs the real program, for tests of what a user sees.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace pennyweight::test {

struct Finished {
  int status = -1;  // exit status; 128 + signal when killed
  std::string out, err;
};

struct ProcessOptions {
  std::filesystem::path directory;                               // empty: the test's own
  std::vector<std::pair<std::string, std::string>> environment;  // beside a minimal one
  std::string input;                                             // of stdin
};

// A child with its output in files (no pipe to fill up). Killed on destruction.
class Process {
 public:
  // `out` replaces the file that keeps stdout, as "/dev/full".
  Process(const std::vector<std::string>& arguments, const ProcessOptions& options,
          const std::filesystem::path& out = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  pid_t pid() const { return pid_; }
  void signal(int number) const;
  // Waits at most `seconds`, then kills and fails the test.
  Finished wait(int seconds = 60);
  std::string out_so_far() const;

 private:
  pid_t pid_ = -1;
  std::filesystem::path files_;
};

// build/<preset>/pennyweight with `arguments`.
Finished run_program(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

}  // namespace pennyweight::test
