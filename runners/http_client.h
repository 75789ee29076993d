// HTTP/1.1 and 2 over libcurl's multi socket interface, driven by an EventLoop. Bytes are stamped
// with the loop's arrival instant and kept whole; nothing is parsed while a request runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/base/clock.h"
#include "metrics/base/result.h"
#include "metrics/record.h"
#include "runners/event_loop.h"
#include "runners/target.h"

namespace pennyweight {

struct HttpRequest {
  std::string method = "POST";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Timeouts timeouts;
  bool fresh_connection = false;
};

// Body bytes [offset of the previous arrival, end) came at `at`.
struct Arrival {
  Instant at{};
  std::size_t end = 0;
};

struct HttpResponse {
  int status = 0;  // 0 = none came
  std::vector<std::pair<std::string, std::string>>
      headers;  // names in lower case, of the last block
  std::string body;
  std::vector<Arrival> arrivals;
  std::optional<Instant> sent, connected, tls_done, header, done;
  std::optional<bool> connection_reused;
  // none: a whole response came, whatever its status. Else connect, tls, timeout, truncated,
  // cancelled or protocol, with a message.
  Failure failure = Failure::none;
  std::string error_message;
  // First value of a header; "" when not there.
  std::string_view header_value(std::string_view lower_case_name) const;
};

// Whether a URL names this machine: localhost, 127.0.0.0/8 or ::1.
bool is_loopback(const std::string& url);

// One thread, the loop's. Keep-alive, no redirects, no compression, TLS verified; loopback ignores
// proxies. Responses are capped at `max_body_bytes` (then protocol).
class HttpClient {
 public:
  static Result<std::unique_ptr<HttpClient>> make(EventLoop& loop,
                                                  std::size_t max_body_bytes = 64u << 20);
  virtual ~HttpClient() = default;  // cancels what runs, without calls

  struct Handlers {
    std::function<void(Instant at)> sent;                  // at most once
    std::function<void(std::size_t body_bytes)> progress;  // may be empty
    std::function<void(HttpResponse)> finished;            // exactly once, from a later turn
  };
  // `id` is the caller's, of no other running request. Handlers may start and cancel requests.
  virtual void start(std::uint64_t id, HttpRequest request, Handlers handlers) = 0;
  virtual void cancel(std::uint64_t id) = 0;
};

}  // namespace pennyweight
