// A server of our own in a second process: started, found by the port it prints, and dead with us
// whatever happens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "metrics/base/result.h"

namespace pennyweight {

class ChildServer {
 public:
  // Runs /proc/self/exe with `arguments`; waits at most `seconds` for the port on its stdout. Its
  // stderr goes to /dev/null; when it dies early the error says how.
  static Result<ChildServer> start(const std::vector<std::string>& arguments, int seconds = 30);
  ChildServer(ChildServer&& other) noexcept;
  ChildServer& operator=(ChildServer&&) = delete;
  ~ChildServer();  // SIGTERM, then SIGKILL after 5 s
  std::uint16_t port() const { return port_; }

 private:
  ChildServer(pid_t pid, std::uint16_t port) : pid_(pid), port_(port) {}
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace pennyweight
