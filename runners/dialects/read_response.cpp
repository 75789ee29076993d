#include <algorithm>
#include <utility>

#include "runners/dialects/dialect.h"
#include "runners/dialects/reply_headers.h"
#include "runners/framing/sse.h"
#include "runners/json_reader.h"
#include "runners/secrets.h"
#include "runners/surrogates.h"

namespace pennyweight {
namespace {

// When the byte before `end` came.
std::optional<Instant> arrival_of(const HttpResponse& response, std::size_t end) {
  const auto it = std::lower_bound(response.arrivals.begin(), response.arrivals.end(), end,
                                   [](const Arrival& a, std::size_t e) { return a.end < e; });
  return it == response.arrivals.end() ? response.done : it->at;
}

void set_failure(Completion& out, Failure failure, std::string message) {
  out.failure = failure;
  out.error_message = std::move(message);
}

void add(const Delta& delta, std::optional<Instant> at, Completion& out) {
  if (!delta.model.empty()) out.model_served = delta.model;
  if (out.provider_request_id.empty()) out.provider_request_id = delta.id;
  if (delta.usage) out.usage = *delta.usage;  // some servers count up: the last one holds
  if (delta.finish) out.finish = *delta.finish;
  if (delta.kind == ChunkKind::content) out.answer += delta.text;
  out.reasoning += delta.reasoning;
  if (delta.failure) set_failure(out, *delta.failure, delta.error_message);
  if (delta.end_of_stream) return;
  Chunk chunk;
  chunk.at = at.value_or(Instant());
  chunk.kind = delta.kind;
  chunk.text_bytes = static_cast<std::uint32_t>(delta.text.size() + delta.reasoning.size());
  chunk.tokens = delta.tokens;
  out.chunks.push_back(chunk);
}

// How far a stream came.
enum class StreamEnd { complete, cut, failed };

StreamEnd read_stream(const Dialect& dialect, const HttpResponse& response, Completion& out) {
  SseParser parser;
  std::vector<SseEvent> events;
  const auto fed = parser.feed(response.body, events);
  const std::size_t whole = events.size();
  if (fed) static_cast<void>(parser.finish(events));
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Delta delta = dialect.read_event(events[i].event, events[i].data);
    // The last event may lack its blank line; half of one is as good as none.
    if (i >= whole && delta.failure && !JsonReader::read(events[i].data)) break;
    const auto at = arrival_of(response, events[i].end);
    add(delta, at, out);
    const bool failed = delta.failure && *delta.failure != Failure::refused;
    if (failed || delta.end_of_stream) out.done = at;
    if (failed) return StreamEnd::failed;
    if (delta.end_of_stream) return StreamEnd::complete;
  }
  if (!fed) {
    set_failure(out, Failure::protocol, fed.error().what);
    return StreamEnd::failed;
  }
  // Clones may leave out [DONE]; the finish reason then says that the answer is whole.
  return out.finish == Finish::none ? StreamEnd::cut : StreamEnd::complete;
}

void read_success(const Dialect& dialect, const HttpResponse& response, Completion& out) {
  const std::string_view body = response.body;
  const std::string_view type = response.header_value("content-type");
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  const bool json = first != std::string_view::npos && body[first] == '{';
  // A gateway's JSON error may carry the stream's content type, and a stream the type of JSON, so
  // the type decides only what the first byte leaves open.
  if (!json && (type.starts_with("text/event-stream") || body.starts_with("data:") ||
                body.starts_with("event:") || body.starts_with(":"))) {
    const StreamEnd end = read_stream(dialect, response, out);
    if (end == StreamEnd::cut && response.failure == Failure::none)
      set_failure(out, Failure::truncated, "the stream ended without its end");
    // After its end nothing more is wanted, however the connection was closed.
    if (end != StreamEnd::cut &&
        (response.failure == Failure::truncated || response.failure == Failure::timeout))
      return;
  } else if (json && (response.failure == Failure::none || JsonReader::read(body))) {
    out.streamed = false;
    const std::size_t end = body.size();
    for (const Delta& delta : dialect.read_body(body)) add(delta, arrival_of(response, end), out);
    if (response.failure == Failure::truncated) return;
  } else if (response.failure == Failure::none) {
    const std::string start(body.substr(0, 200));
    set_failure(out, Failure::protocol,
                body.empty()            ? "an empty reply"
                : looks_like_html(body) ? error_text("HTML instead of JSON: " + start)
                                        : error_text("neither JSON nor events: " + start));
  }
  if (response.failure != Failure::none)
    set_failure(out, response.failure, error_text(response.error_message));
}

}  // namespace

Completion read_response(const Dialect& dialect, HttpResponse response) {
  Completion out;
  out.sent = response.sent;
  out.connected = response.connected;
  out.tls_done = response.tls_done;
  out.header = response.header;
  out.done = response.done;
  out.connection_reused = response.connection_reused;
  out.http_status = response.status;
  for (const auto name : {"x-request-id", "request-id"})
    if (out.provider_request_id.empty()) out.provider_request_id = response.header_value(name);
  if (response.status >= 200 && response.status < 300) {
    read_success(dialect, response, out);
  } else if (response.status != 0 && response.failure != Failure::cancelled) {
    // An error that was cut short is still that error.
    ErrorReply error = dialect.read_error(response.status, response);
    set_failure(out, error.failure, std::move(error.message));
    out.retry_after = error.retry_after;
    out.should_retry = error.should_retry;
  } else {
    set_failure(out, response.failure, error_text(response.error_message));
  }
  // A server may echo the key anywhere, also cut across events: so only here, where all is joined.
  out.answer = redact_registered(join_surrogates(out.answer));
  out.reasoning = redact_registered(join_surrogates(out.reasoning));
  out.model_served = redact(out.model_served);
  out.provider_request_id = redact(out.provider_request_id);
  if (out.failure == Failure::cancelled) out.finish = Finish::cancelled;
  return out;
}

}  // namespace pennyweight
