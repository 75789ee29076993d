// Any bytes that a server sends are an answer or a failure; how they arrive in pieces changes
// neither. The first byte picks the status, the second the content type and the size of a piece.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "runners/dialects/dialect.h"

namespace {

using namespace pennyweight;

void check(bool fact) {
  if (!fact) std::abort();
}

HttpResponse arrived(std::string body, int status, bool stream, std::size_t piece) {
  HttpResponse out;
  out.status = status;
  out.headers = {{"content-type", stream ? "text/event-stream" : "application/json"},
                 {"retry-after", body.substr(0, 20)}};
  for (std::size_t end = piece; end < body.size() + piece; end += piece) {
    const std::size_t to = end < body.size() ? end : body.size();
    out.arrivals.push_back({Instant(std::chrono::milliseconds(to)), to});
  }
  out.sent = Instant(std::chrono::milliseconds(1));
  out.done = Instant(std::chrono::milliseconds(body.size() + 1));
  out.body = std::move(body);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr int kStatus[] = {200, 400, 401, 404, 408, 413, 429, 500, 503, 529};
  const int status = kStatus[data[0] % std::size(kStatus)];
  const bool stream = data[1] % 2 == 0;
  const std::string body(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto read = [&](std::size_t piece) {
    return read_response(openai_chat_dialect(), arrived(body, status, stream, piece));
  };
  const Completion whole = read(body.size() + 1), pieces = read(1 + data[1] / 2);
  check(whole.answer == pieces.answer && whole.reasoning == pieces.reasoning);
  check(whole.failure == pieces.failure && whole.chunks.size() == pieces.chunks.size());
  check(whole.answer.size() <= body.size() * 3 && whole.reasoning.size() <= body.size() * 3);
  for (std::size_t i = 1; i < pieces.chunks.size(); ++i)
    check(pieces.chunks[i - 1].at <= pieces.chunks[i].at);
  return 0;
}
