#include "cli/child_server.h"

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pennyweight {
namespace {

// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void become_server(char* const* argv, int out, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);  // the parent died before the line above
  // Its own process group: a Ctrl-C in the terminal is for us, who then end it in order.
  setpgid(0, 0);
  dup2(out, STDOUT_FILENO);
  const int null = open("/dev/null", O_RDWR);
  dup2(null, STDIN_FILENO);
  dup2(null, STDERR_FILENO);
  execv("/proc/self/exe", argv);
  _exit(127);
}

// The first line of `fd`, or what there is of it after `seconds` or at the end of file.
std::string first_line(int fd, int seconds) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  std::string line;
  while (line.empty() || line.back() != '\n') {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd wait{fd, POLLIN, 0};
    if (left <= 0) break;
    const int ready = poll(&wait, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    char c = 0;
    const ssize_t got = read(fd, &c, 1);
    if (got == 0) break;
    if (got == 1) line += c;
  }
  return line;
}

void end(pid_t pid) {
  kill(pid, SIGTERM);
  for (int i = 0; i < 500; ++i) {
    if (waitpid(pid, nullptr, WNOHANG) == pid) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

}  // namespace

Result<ChildServer> ChildServer::start(const std::vector<std::string>& arguments, int seconds) {
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) {
    return fail(ErrorKind::io, "cannot start a server process", std::strerror(errno));
  }
  std::vector<std::string> words{"pennyweight"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become_server(argv.data(), out[1], parent);
  close(out[1]);
  if (pid < 0) {
    close(out[0]);
    return fail(ErrorKind::io, "cannot start a server process", std::strerror(errno));
  }
  const std::string line = first_line(out[0], seconds);
  close(out[0]);
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), port);
  if (parsed.ec != std::errc() || port == 0) {
    end(pid);
    return fail(ErrorKind::unreachable, "the server process did not start",
                "it printed \"" + line + "\" instead of its port",
                "run the same by hand to see why: pennyweight " + words[1] + " " + words.back());
  }
  return ChildServer(pid, port);
}

ChildServer::ChildServer(ChildServer&& other) noexcept : pid_(other.pid_), port_(other.port_) {
  other.pid_ = -1;
}

ChildServer::~ChildServer() {
  if (pid_ > 0) end(pid_);
}

}  // namespace pennyweight
