// What one HTTP exchange notes while it runs, apart from the library that moves its bytes. Only
// stamps and copies: nothing is parsed but header lines.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "runners/event_loop.h"
#include "runners/http_client.h"

namespace pennyweight {

// One thread, the loop's.
class HttpExchange {
 public:
  HttpExchange(EventLoop& loop, std::size_t max_body_bytes, HttpRequest request);

  void on_written();                      // request bytes left
  void on_header(std::string_view line);  // one line of a header block, with its line end
  bool on_body(std::string_view bytes);   // false: too large, stop
  bool head_complete() const { return head_complete_; }
  // The first failure stays.
  void set_failure(Failure failure, std::string message);

  // When to look again, and whether by now a limit is passed: then it fails as a timeout.
  Instant deadline() const { return nearest().at; }
  bool expired();
  // When the wake-up brought what is being handled. One stamp for all of it; only what follows a
  // request written during this very wake-up cannot have come before that.
  Instant arrival() const;

  HttpRequest request;
  HttpResponse response;

 private:
  struct Deadline {
    Instant at;
    Duration limit;
    std::string_view what;
  };
  Deadline nearest() const;

  EventLoop& loop_;
  std::size_t max_body_bytes_;
  Instant asked_;
  Instant last_byte_;  // sent or received
  bool head_complete_ = false;
};

}  // namespace pennyweight
