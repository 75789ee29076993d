// An HTTP server that misbehaves as told, on a loopback port of the system's choice, in a thread of
// its own: what a script says goes out byte for byte.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace pennyweight::test {

// One connection's turn: bytes to send, pauses between them, and how it ends.
class Script {
 public:
  Script& send(std::string bytes);               // as it is
  Script& wait(std::chrono::milliseconds time);  // ends early when the test is over
  Script& close();                               // else the connection is kept for more
  Script& stall();                               // nothing more until the test is over
  Script& head(int status, std::string_view content_type,
               const std::vector<std::pair<std::string, std::string>>& headers = {});
  Script& chunk(std::string_view body);  // a piece of a chunked body
  Script& end();                         // its end
  // A whole reply with content-length.
  static Script reply(int status, std::string_view content_type, std::string_view body,
                      const std::vector<std::pair<std::string, std::string>>& headers = {});

  struct Step {
    enum class Kind { send, wait, close, stall } kind;
    std::string bytes;
    std::chrono::milliseconds time{};
  };
  const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

struct SeenRequest {
  std::string head;  // request line and headers
  std::string body;
};

// Plays scripts in order, one a request; the last one again for what comes after.
class ScriptServer {
 public:
  // `speaks_first`: the first script is played as soon as a connection opens.
  explicit ScriptServer(std::vector<Script> scripts, bool speaks_first = false);
  ~ScriptServer();  // ends every connection
  ScriptServer(const ScriptServer&) = delete;
  ScriptServer& operator=(const ScriptServer&) = delete;

  int port() const { return port_; }
  std::string url(std::string_view path = "") const;  // http://127.0.0.1:PORT/path
  std::vector<SeenRequest> requests() const;
  int connections() const { return connections_; }

 private:
  void accept_all();
  void serve(int fd);
  bool play(int fd, const Script& script);
  bool pause(std::chrono::milliseconds time) const;  // false: the test is over

  const std::vector<Script> scripts_;
  const bool speaks_first_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> over_{false};
  std::atomic<int> connections_{0};
  mutable std::mutex mutex_;
  std::vector<SeenRequest> requests_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// A loopback port where nobody listens.
int closed_port();

}  // namespace pennyweight::test
