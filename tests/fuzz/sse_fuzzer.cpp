// Any split of the same bytes gives the same events, the same comments and the same error.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "runners/framing/sse.h"

namespace {

using pennyweight::SseEvent;
using pennyweight::SseParser;

struct Outcome {
  std::vector<SseEvent> events;
  std::size_t comments = 0;
  bool failed = false;
};

Outcome parse(std::string_view stream, std::size_t piece, std::size_t limit) {
  Outcome out;
  SseParser parser(limit);
  for (std::size_t at = 0; at < stream.size(); at += piece)
    out.failed = !parser.feed(stream.substr(at, piece), out.events) || out.failed;
  out.failed = !parser.finish(out.events) || out.failed;
  out.comments = parser.comments();
  return out;
}

void check(bool fact) {
  if (!fact) std::abort();
}

void check_same(const Outcome& a, const Outcome& b) {
  check(a.failed == b.failed && a.comments == b.comments && a.events.size() == b.events.size());
  for (std::size_t i = 0; i < a.events.size(); ++i) {
    const SseEvent &x = a.events[i], &y = b.events[i];
    check(x.event == y.event && x.data == y.data && x.id == y.id && x.end == y.end);
  }
}

}  // namespace

// The first byte is the piece size, the second picks the limit on an event.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::size_t limit = data[1] % 2 == 0 ? 4u << 20 : data[1];
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Outcome whole = parse(stream, stream.size() + 1, limit);
  check_same(whole, parse(stream, piece, limit));
  check_same(whole, parse(stream, 1, limit));
  std::size_t end = 0;
  for (const SseEvent& event : whole.events) {
    check(event.end >= end && event.end <= stream.size());
    check(event.data.size() <= limit && !event.event.empty());
    end = event.end;
  }
  return 0;
}
