#include "tests/support/script_server.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"

namespace pennyweight::test {
namespace {

using std::chrono::milliseconds;

// Bound to 127.0.0.1, any port.
std::pair<int, int> bound_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(bind(fd, generic, sizeof address) == 0);
  socklen_t size = sizeof address;
  REQUIRE(getsockname(fd, generic, &size) == 0);
  return {fd, ntohs(address.sin_port)};
}

std::size_t content_length(std::string head) {
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view kName = "content-length:";
  const std::size_t at = head.find(kName);
  if (at == std::string::npos) return 0;
  const std::size_t digits = head.find_first_not_of(' ', at + kName.size());
  std::size_t length = 0;
  std::from_chars(head.data() + digits, head.data() + head.size(), length);
  return length;
}

}  // namespace

Script& Script::send(std::string bytes) {
  steps_.push_back({Step::Kind::send, std::move(bytes), {}});
  return *this;
}
Script& Script::wait(milliseconds time) {
  steps_.push_back({Step::Kind::wait, {}, time});
  return *this;
}
Script& Script::close() {
  steps_.push_back({Step::Kind::close, {}, {}});
  return *this;
}
Script& Script::stall() {
  steps_.push_back({Step::Kind::stall, {}, {}});
  return *this;
}

Script& Script::head(int status, std::string_view content_type,
                     const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Type: ";
  text.append(content_type).append("\r\n");
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  return send(text + "Transfer-Encoding: chunked\r\n\r\n");
}

Script& Script::chunk(std::string_view body) {
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", body.size());
  return send(std::string(size).append(body).append("\r\n"));
}

Script& Script::end() {
  return send("0\r\n\r\n");
}

Script Script::reply(int status, std::string_view content_type, std::string_view body,
                     const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " Status\r\nContent-Type: ";
  text.append(content_type).append("\r\n");
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  Script script;
  script.send(text.append(body));
  return script;
}

ScriptServer::ScriptServer(std::vector<Script> scripts, bool speaks_first)
    : scripts_(std::move(scripts)), speaks_first_(speaks_first) {
  std::tie(listener_, port_) = bound_socket();
  REQUIRE(listen(listener_, 64) == 0);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptServer::~ScriptServer() {
  over_ = true;
  acceptor_.join();
  for (auto& thread : threads_) thread.join();
  ::close(listener_);
}

std::string ScriptServer::url(std::string_view path) const {
  return ("http://127.0.0.1:" + std::to_string(port_)).append(path);
}

std::vector<SeenRequest> ScriptServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptServer::accept_all() {
  while (!over_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, 5) <= 0) continue;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ++connections_;
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void ScriptServer::serve(int fd) {
  std::string in;
  bool open = !speaks_first_ || play(fd, scripts_.front());
  while (open && !over_) {
    const std::size_t blank = in.find("\r\n\r\n");
    if (blank != std::string::npos) {
      const std::size_t total = blank + 4 + content_length(in.substr(0, blank));
      if (in.size() >= total) {
        std::size_t turn = 0;
        {
          const std::lock_guard lock(mutex_);
          turn = std::min(requests_.size(), scripts_.size() - 1);
          requests_.push_back({in.substr(0, blank), in.substr(blank + 4, total - blank - 4)});
        }
        in.erase(0, total);
        open = play(fd, scripts_[turn]);
        continue;
      }
    }
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, 5) <= 0) continue;
    char bytes[4096];
    const ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0) break;
    in.append(bytes, static_cast<std::size_t>(n));
  }
  ::close(fd);
}

bool ScriptServer::play(int fd, const Script& script) {
  using Kind = Script::Step::Kind;
  for (const auto& step : script.steps()) {
    if (step.kind == Kind::close) return false;
    if (step.kind == Kind::stall && !pause(milliseconds(60'000))) return false;
    if (step.kind == Kind::wait && !pause(step.time)) return false;
    std::string_view left = step.bytes;
    while (!left.empty()) {
      const ssize_t n = ::send(fd, left.data(), left.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      left.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  return true;
}

bool ScriptServer::pause(milliseconds time) const {
  const auto until = std::chrono::steady_clock::now() + time;
  while (!over_ && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(milliseconds(1));
  return !over_;
}

int closed_port() {
  const auto [fd, port] = bound_socket();
  ::close(fd);
  return port;
}

}  // namespace pennyweight::test
