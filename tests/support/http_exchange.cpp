#include "tests/support/http_exchange.h"

#include <cstdlib>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>


namespace pennyweight::test {
namespace {

std::string unchunked(const std::string& coded) {
  std::string body;
  std::size_t at = 0;
  while (at < coded.size()) {
    const std::size_t end = coded.find("\r\n", at);
    if (end == std::string::npos) break;
    const auto size = static_cast<std::size_t>(std::strtoul(coded.c_str() + at, nullptr, 16));
    if (size == 0) break;
    body += coded.substr(end + 2, size);
    at = end + 2 + size + 2;
  }
  return body;
}

}  // namespace

RawConnection::RawConnection(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect");
  }
}

RawConnection::~RawConnection() {
  close(fd_);
}

void RawConnection::send(const std::string& bytes) const {
  if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("cannot send");
  }
}

std::string RawConnection::read_until(const std::string& mark, int seconds) const {
  const timeval limit{seconds, 0};
  setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::string all;
  char buffer[4096];
  while (mark.empty() || all.find(mark) == std::string::npos) {
    const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    all.append(buffer, static_cast<std::size_t>(got));
  }
  return all;
}

std::string raw_exchange(std::uint16_t port, const std::string& bytes, int seconds) {
  const RawConnection connection(port);
  connection.send(bytes);
  return connection.read_until("", seconds);
}

HttpReply exchange(std::uint16_t port, const std::string& method, const std::string& path,
                   const std::string& body) {
  const std::string all = raw_exchange(
      port, method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body);
  HttpReply reply;
  const std::size_t end = all.find("\r\n\r\n");
  if (end == std::string::npos) throw std::runtime_error("no HTTP reply: " + all);
  reply.head = all.substr(0, end);
  reply.status = std::atoi(reply.head.c_str() + 9);
  reply.body = all.substr(end + 4);
  if (reply.head.find("chunked") != std::string::npos) reply.body = unchunked(reply.body);
  return reply;
}

}  // namespace pennyweight::test
