// Server-sent events, as the HTML standard has them and as real gateways send them. No I/O, no
// clock: any split of the same bytes gives the same events.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight {

struct SseEvent {
  std::string event = "message";
  std::string data;  // several data lines joined by \n
  std::string id;
  std::size_t end = 0;  // offset in the stream just after the line that completed it: its arrival
};

// Lines end at \n, \r\n or \r. One BOM at the start is skipped. Comments are counted, not
// dispatched. Memory stays under `max_event_bytes`; a larger event is an error, and so is
// everything after it.
class SseParser {
 public:
  explicit SseParser(std::size_t max_event_bytes = 4u << 20) : limit_(max_event_bytes) {}
  // Appends the events that `bytes` completes.
  Result<void> feed(std::string_view bytes, std::vector<SseEvent>& out);
  // End of stream: an event that has data but no blank line after it. Real gateways cut like this.
  Result<void> finish(std::vector<SseEvent>& out);
  std::size_t comments() const { return comments_; }

 private:
  void line(std::string_view text, std::vector<SseEvent>& out);
  void dispatch(std::vector<SseEvent>& out);
  std::size_t limit_, offset_ = 0, comments_ = 0;
  std::string partial_, data_, event_, id_;
  bool has_data_ = false, after_cr_ = false, at_start_ = true, failed_ = false;
};

}  // namespace pennyweight
