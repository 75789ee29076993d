#include "tests/support/process.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

std::vector<std::string> environment_of(const ProcessOptions& options) {
  std::vector<std::string> all{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent"};
  if (const char* tmp = std::getenv("TMPDIR")) all.push_back(std::string("TMPDIR=") + tmp);
  for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) all.push_back(std::string(name) + "=" + value);
  }
  for (const auto& [name, value] : options.environment) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

void redirect(const std::filesystem::path& path, int flags, int to) {
  const int fd = open(path.c_str(), flags, 0600);
  if (fd < 0 || dup2(fd, to) < 0) _exit(126);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, const ProcessOptions& options,
                 const std::filesystem::path& out) {
  std::string name =
      (std::filesystem::temp_directory_path() / "pennyweight-process-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  files_ = name;
  write_file(files_ / "in", options.input);
  std::vector<std::string> words{PENNYWEIGHT_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = environment_of(options);
  const auto argv = pointers(words);
  const auto envp = pointers(environment);
  pid_ = fork();
  REQUIRE(pid_ >= 0);
  if (pid_ > 0) return;
  redirect(files_ / "in", O_RDONLY, STDIN_FILENO);
  redirect(out.empty() ? files_ / "out" : out, O_WRONLY | O_CREAT, STDOUT_FILENO);
  redirect(files_ / "err", O_WRONLY | O_CREAT, STDERR_FILENO);
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
  execve(PENNYWEIGHT_PROGRAM, argv.data(), envp.data());
  _exit(127);
}

Process::~Process() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(files_, ignored);
}

void Process::signal(int number) const {
  kill(pid_, number);
}

std::string Process::out_so_far() const {
  return std::filesystem::exists(files_ / "out") ? read_file(files_ / "out") : std::string();
}

Finished Process::wait(int seconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) {
      kill(pid_, SIGKILL);
      waitpid(pid_, &status, 0);
      pid_ = -1;
      FAIL("the program did not end; it printed: " << read_file(files_ / "out")
                                                   << read_file(files_ / "err"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  pid_ = -1;
  Finished finished;
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  finished.out = out_so_far();
  finished.err = read_file(files_ / "err");
  return finished;
}

Finished run_program(const std::vector<std::string>& arguments, const ProcessOptions& options) {
  return Process(arguments, options).wait();
}

}  // namespace pennyweight::test
