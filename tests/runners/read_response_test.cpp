#include <string>
#include <vector>

#include "runners/dialects/dialect.h"
#include "runners/secrets.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;

namespace {

struct Piece {
  int at_ms;
  std::string bytes;
};

HttpResponse streamed(const std::vector<Piece>& pieces,
                      const std::string& type = "text/event-stream; charset=utf-8") {
  HttpResponse r;
  r.status = 200;
  r.headers = {{"content-type", type}, {"x-request-id", "req-1"}};
  for (const Piece& piece : pieces) {
    r.body += piece.bytes;
    r.arrivals.push_back({Instant(std::chrono::milliseconds(piece.at_ms)), r.body.size()});
  }
  r.sent = Instant(50ms);
  r.done = r.arrivals.empty() ? Instant(50ms) : r.arrivals.back().at;
  return r;
}
Completion read(HttpResponse r) {
  return read_response(openai_chat_dialect(), std::move(r));
}

std::string event(const std::string& delta, const std::string& finish = "null") {
  return R"(data: {"id":"c-1","model":"m-1","choices":[{"index":0,"delta":)" + delta +
         R"(,"finish_reason":)" + finish + "}]}\n\n";
}
std::string text_event(const std::string& text) {
  return event("{\"content\":\"" + text + "\"}");
}
const std::string kRole = event(R"({"role":"assistant","content":""})");
const std::string kStop = event("{}", "\"stop\"");
const std::string kUsage =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":10}}\n\n";
const std::string kDone = "data: [DONE]\n\n";

// The stream of the reference shelf: written at 50, and so on after that.
HttpResponse golden() {
  return streamed({{150, kRole},
                   {200, text_event("one two three")},
                   {260, text_event(" four five six")},
                   {320, text_event(" seven eight nine")},
                   {360, event(R"({"content":" ten"})", "\"stop\"")},
                   {365, kUsage},
                   {366, kDone}});
}

}  // namespace

TEST_CASE("the golden stream gives its chunks, stamps and usage") {
  const Completion c = read(golden());
  CHECK(c.failure == Failure::none);
  CHECK(c.finish == Finish::stop);
  CHECK(c.answer == "one two three four five six seven eight nine ten");
  CHECK(c.usage == Usage{4, std::nullopt, 10, std::nullopt, TokenSource::server_usage});
  CHECK(c.model_served == "m-1");
  CHECK(c.provider_request_id == "req-1");
  CHECK(c.http_status == 200);
  CHECK(c.sent == Instant(50ms));
  CHECK(c.done == Instant(366ms));
  CHECK(c.streamed);
  CHECK(c.chunks == std::vector<Chunk>{{Instant(150ms), ChunkKind::role, 0, 0},
                                       {Instant(200ms), ChunkKind::content, 13, 0},
                                       {Instant(260ms), ChunkKind::content, 14, 0},
                                       {Instant(320ms), ChunkKind::content, 17, 0},
                                       {Instant(360ms), ChunkKind::content, 4, 0},
                                       {Instant(365ms), ChunkKind::usage, 0, 0}});
}

TEST_CASE("an event has the stamp of the arrival that completed it, however bytes are cut") {
  const std::string first = text_event("가"), second = text_event("b");
  const std::string body = kRole + first + second + kStop + kDone;
  const std::size_t end_of_first = kRole.size() + first.size();
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    const Completion c = read(streamed({{100, body.substr(0, cut)}, {200, body.substr(cut)}}));
    REQUIRE(c.failure == Failure::none);
    REQUIRE(c.answer == "가b");
    REQUIRE(c.chunks.size() == 4);
    CHECK(c.chunks[0].at == Instant(cut >= kRole.size() ? 100ms : 200ms));
    CHECK(c.chunks[1].at == Instant(cut >= end_of_first ? 100ms : 200ms));
    CHECK(c.chunks[3].at == Instant(cut + kDone.size() >= body.size() ? 100ms : 200ms));
    CHECK(c.done == Instant(200ms));
  }
}

TEST_CASE("a stream in CRLF, byte by byte, with comments between, is the same stream") {
  std::string crlf;
  for (const char c : ": hello\n\n" + kRole + text_event("안녕") + ":\n\n" + kStop + kUsage + kDone)
    crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < crlf.size(); ++i)
    pieces.push_back({static_cast<int>(i), crlf.substr(i, 1)});
  const Completion c = read(streamed(pieces));
  CHECK(c.failure == Failure::none);
  CHECK(c.answer == "안녕");
  CHECK(c.usage.output_tokens == 10);
  CHECK(c.chunks.size() == 4);
}

TEST_CASE("a character whose halves came in two events is whole in the answer") {
  const Completion c =
      read(streamed({{1, text_event("Hi \\ud83d")}, {2, text_event("\\ude42!") + kStop + kDone}}));
  CHECK(c.failure == Failure::none);
  CHECK(c.answer == "Hi 🙂!");
}

TEST_CASE("reasoning is kept apart from the answer, tool calls are in neither") {
  const Completion c = read(streamed(
      {{1, event(R"({"reasoning_content":"hm"})") + event(R"({"reasoning":"!"})") +
               text_event("so") + event(R"({"tool_calls":[{"function":{"arguments":"{}"}}]})") +
               event("{}", "\"tool_calls\"") + kDone}}));
  CHECK(c.reasoning == "hm!");
  CHECK(c.answer == "so");
  CHECK(c.finish == Finish::tool_calls);
  REQUIRE(c.chunks.size() == 5);
  CHECK(c.chunks[0].kind == ChunkKind::reasoning);
  CHECK(c.chunks[2].kind == ChunkKind::content);
  CHECK(c.chunks[3].kind == ChunkKind::tool);
  CHECK(c.chunks[4].kind == ChunkKind::empty);
}

TEST_CASE("a refusal is a failure that keeps its text, usage and end") {
  const Completion c =
      read(streamed({{1, kRole + event(R"({"refusal":"I "})") + event(R"({"refusal":"cannot"})") +
                             kStop + kUsage + kDone}}));
  CHECK(c.failure == Failure::refused);
  CHECK(c.answer == "I cannot");
  CHECK(c.finish == Finish::stop);
  CHECK(c.usage.output_tokens == 10);
}

TEST_CASE("a stream cut anywhere before its end is truncated, and keeps what came") {
  const std::string before = kRole + text_event("a") + text_event("b");
  const std::string whole = before + kStop + kDone;
  const std::size_t enough = before.size() + kStop.size() - 2;  // the blank line may be missing
  for (std::size_t n = 1; n <= whole.size(); ++n) {
    INFO("cut at " << n);
    const Completion clean = read(streamed({{1, whole.substr(0, n)}}));
    CHECK((clean.failure == Failure::none) == (n >= enough));
    if (n < enough) CHECK(clean.failure == Failure::truncated);
    if (n >= before.size()) CHECK(clean.answer == "ab");
    // The same when the transport saw the cut, with its message.
    HttpResponse broken = streamed({{1, whole.substr(0, n)}});
    broken.failure = Failure::truncated;
    broken.error_message = "closed early";
    const Completion c = read(std::move(broken));
    CHECK((c.failure == Failure::none) == (n >= enough));
    if (n < enough) CHECK(c.error_message == "closed early");
  }
}

TEST_CASE("a last event without its blank line counts, and half of one does not") {
  const std::string last =
      R"(data: {"choices":[{"delta":{"content":"!"},"finish_reason":"stop"}]})";
  const Completion whole = read(streamed({{1, kRole}, {2, last}}));
  CHECK(whole.failure == Failure::none);
  CHECK(whole.answer == "!");
  CHECK(whole.chunks.back().at == Instant(2ms));
  const Completion half = read(streamed({{1, kRole}, {2, last.substr(0, last.size() - 1)}}));
  CHECK(half.failure == Failure::truncated);
  CHECK(half.answer.empty());
}

TEST_CASE("a stall after the end does no harm, one before it is a timeout") {
  HttpResponse r = golden();
  r.failure = Failure::timeout;
  r.error_message = "idle timeout";
  r.done = Instant(10s);
  const Completion ended = read(r);
  CHECK(ended.failure == Failure::none);
  CHECK(ended.done == Instant(366ms));  // [DONE] was the end
  r.body.resize(kRole.size() + 5);
  const Completion stalled = read(r);
  CHECK(stalled.failure == Failure::timeout);
  CHECK(stalled.error_message == "idle timeout");
  CHECK(stalled.done == Instant(10s));
  CHECK(stalled.chunks.size() == 1);
}

TEST_CASE("an error inside the stream ends it there") {
  const Completion c = read(streamed({{1, kRole + text_event("a")},
                                      {2, "data: {\"error\":{\"message\":\"overloaded\"}}\n\n"},
                                      {3, text_event("b") + kStop + kDone}}));
  CHECK(c.failure == Failure::protocol);
  CHECK(c.error_message == "in the stream: overloaded");
  CHECK(c.answer == "a");
  CHECK(c.done == Instant(2ms));
  CHECK(c.chunks.back().kind == ChunkKind::error);
}

TEST_CASE("a malformed event in the middle is a protocol failure") {
  const Completion c = read(streamed({{1, kRole + "data: {oops\n\n" + kStop + kDone}}));
  CHECK(c.failure == Failure::protocol);
  CHECK(c.error_message == "an event is not JSON: {oops");
}

TEST_CASE("JSON where a stream was asked for is read as a whole reply") {
  const std::string body = R"({"id":"c","model":"m","choices":[{"message":{"content":"Hi"},)"
                           R"("finish_reason":"stop"}],"usage":{"completion_tokens":2}})";
  const Completion c =
      read(streamed({{10, body.substr(0, 20)}, {30, body.substr(20)}}, "application/json"));
  CHECK(c.failure == Failure::none);
  CHECK(c.answer == "Hi");
  CHECK(c.finish == Finish::stop);
  CHECK(c.usage.output_tokens == 2);
  REQUIRE(c.chunks.size() == 2);
  CHECK(c.chunks[0] == Chunk{Instant(30ms), ChunkKind::content, 2, 0});
  CHECK_FALSE(c.streamed);

  for (std::size_t n = 1; n < body.size(); ++n) {
    HttpResponse cut = streamed({{1, body.substr(0, n)}}, "application/json");
    CHECK(read(cut).failure == Failure::protocol);
    cut.failure = Failure::truncated;
    CHECK(read(cut).failure == Failure::truncated);
  }
}

TEST_CASE("a JSON error within HTTP 200 is a protocol failure, whatever its content type") {
  for (const std::string type : {"application/json", "text/event-stream", "text/plain", ""}) {
    const Completion c = read(streamed({{1, R"({"error":{"message":"no such model"}})"}}, type));
    CHECK(c.failure == Failure::protocol);
    CHECK(c.error_message == "HTTP 200 with no such model");
  }
}

TEST_CASE("a stream that calls itself JSON or text is still read as a stream") {
  for (const std::string type : {"application/json", "text/plain", ""}) {
    const Completion c = read(streamed({{1, ": hi\n\n" + text_event("a") + kStop + kDone}}, type));
    CHECK(c.failure == Failure::none);
    CHECK(c.answer == "a");
  }
}

TEST_CASE("HTML, an empty reply and other text with HTTP 200 say what they are") {
  CHECK(read(streamed({{1, "<html>login"}}, "text/html")).error_message ==
        "HTML instead of JSON: <html>login");
  CHECK(read(streamed({}, "application/json")).error_message == "an empty reply");
  const Completion other = read(streamed({{1, "hello"}}, "text/plain"));
  CHECK(other.failure == Failure::protocol);
  CHECK(other.error_message == "neither JSON nor events: hello");
  CHECK(read(streamed({}, "text/event-stream")).failure == Failure::truncated);
}

TEST_CASE("an error status is read as an error, also when its body was cut") {
  HttpResponse r = streamed({{1, R"({"error":{"message":"slow down"}})"}}, "application/json");
  r.status = 429;
  r.headers.emplace_back("retry-after", "2");
  for (const Failure transport : {Failure::none, Failure::truncated, Failure::timeout}) {
    r.failure = transport;
    const Completion c = read(r);
    CHECK(c.failure == Failure::rate_limited);
    CHECK(c.error_message == "HTTP 429: slow down");
    CHECK(c.retry_after == Duration(2s));
    CHECK(c.chunks.empty());
  }
  r.failure = Failure::cancelled;
  CHECK(read(r).failure == Failure::cancelled);
}

TEST_CASE("a server that echoes the key puts it into nothing that is kept") {
  const std::string key = "canary-read-response";
  register_secret(key);
  const std::string sent = "Bearer " + key;
  const std::string half = key.substr(0, 9), rest = key.substr(9);
  HttpResponse stream =
      streamed({{100, "data: {\"id\":\"" + sent + "\",\"model\":\"" + sent +
                          R"(","choices":[{"delta":{"reasoning_content":")" + sent + "\"}}]}\n\n"},
                {110, text_event("the token=abc of " + half)},
                {120, text_event(rest + ".")},
                {130, kStop},
                {140, kDone}});
  Completion c = read(stream);
  CHECK(c.provider_request_id == "req-1");
  CHECK(c.model_served == "m-1");                     // the last one that was named
  CHECK(c.answer == "the token=abc of [redacted].");  // its own words stay
  CHECK(c.reasoning == "Bearer [redacted]");
  stream.headers = {{"content-type", "text/event-stream"}, {"x-request-id", sent}};
  CHECK(read(stream).provider_request_id == "Bearer [redacted]");
  stream.headers.pop_back();
  CHECK(read(stream).provider_request_id == "Bearer [redacted]");
  stream = streamed({{100, R"({"id":"a","model":"Bearer 0123456789","choices":[{"message":)"
                           R"({"content":"x"}}]})"}},
                    "application/json");
  CHECK(read(stream).model_served == "Bearer [redacted]");
}

TEST_CASE("what the transport reports passes through") {
  for (const Failure failure : {Failure::connect, Failure::tls, Failure::timeout,
                                Failure::truncated, Failure::protocol, Failure::cancelled}) {
    HttpResponse r;
    r.failure = failure;
    r.error_message = "why, with key=abc";
    r.done = Instant(1s);
    const Completion c = read(r);
    CHECK(c.failure == failure);
    CHECK(c.error_message == "why, with key=[redacted]");
    CHECK(c.done == Instant(1s));
    CHECK(c.http_status == 0);
    CHECK(c.finish == (failure == Failure::cancelled ? Finish::cancelled : Finish::none));
  }
}

TEST_CASE("a cancelled stream keeps what came and is cancelled") {
  HttpResponse r = streamed({{1, kRole + text_event("a")}});
  r.failure = Failure::cancelled;
  const Completion c = read(r);
  CHECK(c.failure == Failure::cancelled);
  CHECK(c.answer == "a");
  CHECK(c.finish == Finish::cancelled);
}
