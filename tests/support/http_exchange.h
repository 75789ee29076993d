// One raw HTTP exchange over a loopback socket, for tests of servers: what goes over the wire, byte
// for byte. Throws when there is no server or no reply: Catch's macros are for one thread, these for
// many.
#pragma once

#include <cstdint>
#include <string>

namespace pennyweight::test {

// Sends `bytes`, reads until the server closes or `seconds` pass. A request that wants the
// connection closed says "Connection: close".
std::string raw_exchange(std::uint16_t port, const std::string& bytes, int seconds = 10);
// POST or GET with Connection: close. The reply's body, with chunked transfer coding undone, is in
// `body`.
struct HttpReply {
  int status = 0;
  std::string head, body;
};
HttpReply exchange(std::uint16_t port, const std::string& method, const std::string& path,
                   const std::string& body = "");

// A connection that can be dropped in the middle.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;
  void send(const std::string& bytes) const;
  // Reads until `mark` has been seen, the server closes or `seconds` pass; returns all bytes.
  std::string read_until(const std::string& mark, int seconds = 10) const;

 private:
  int fd_ = -1;
};

}  // namespace pennyweight::test
