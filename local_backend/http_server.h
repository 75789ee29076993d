// A small HTTP/1.1 server over libevent: requests in, whole or streamed replies out. Knows no
// protocol above HTTP; the simulated server of the load generator's calibration uses it too.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight::llm {

using ExchangeId = std::uint64_t;  // never 0, never reused

struct HttpServerRequest {
  std::string method, path;  // path without query
  std::string body;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0 = a free one
  std::size_t max_body_bytes = 16u << 20;
  int drain_seconds = 30;
};

// One thread calls run(); the handlers and the reply calls run on that thread. post() and stop()
// are for any thread, stop() for signal handlers too.
class HttpServer {
 public:
  struct Handlers {
    // Every request; must lead to exactly one reply() or one begin..end, now or later.
    std::function<void(ExchangeId, HttpServerRequest)> request;
    // The client went away before the reply's end; replying to this id does nothing from now on.
    std::function<void(ExchangeId)> gone;
  };
  static Result<std::unique_ptr<HttpServer>> listen(const HttpServerOptions& options,
                                                    Handlers handlers);
  virtual ~HttpServer() = default;

  virtual std::uint16_t port() const = 0;
  virtual Result<void> run() = 0;
  virtual void stop() noexcept = 0;
  virtual void post(std::function<void()> job) = 0;

  using Headers = std::vector<std::pair<std::string, std::string>>;
  virtual void reply(ExchangeId id, int status, std::string_view content_type,
                     std::string_view body, const Headers& headers = {}) = 0;
  // Chunked: each write is handed to the socket at once.
  virtual void begin(ExchangeId id, std::string_view content_type) = 0;
  virtual void write(ExchangeId id, std::string_view bytes) = 0;
  virtual void end(ExchangeId id) = 0;
};

}  // namespace pennyweight::llm
