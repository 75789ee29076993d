// A provider's protocol as pure functions: request to HTTP, events to deltas, body to error. No
// I/O, no clock, so each is tested from recorded bytes at every chunking.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"
#include "runners/http_client.h"
#include "runners/target.h"

namespace pennyweight {

struct DialectConfig {
  std::string base_url;  // "https://api.openai.com/v1", without a final slash
  std::string model;
  std::string api_key;   // may be empty; never leaves but in the Authorization header
  std::string key_hint;  // where the key comes from, for errors: "the environment variable X"
  std::optional<Error> key_error;  // why there is none although one is wanted: told by check()
  bool stream_usage = true;        // ask for usage in the stream
  std::string max_tokens_field = "max_tokens";  // some models want "max_completion_tokens"
};

// What one event added.
struct Delta {
  ChunkKind kind = ChunkKind::empty;
  std::string text;          // of kind content or tool
  std::string reasoning;     // of kind reasoning; beside content when one event holds both
  std::uint32_t tokens = 0;  // 0 = unknown
  std::optional<Usage> usage;
  std::optional<Finish> finish;
  bool end_of_stream = false;  // [DONE]
  std::string model, id;
  std::optional<Failure> failure;  // an error inside the stream; refused: `text` is the refusal
  std::string error_message;
};

// What an error response means.
struct ErrorReply {
  Failure failure = Failure::server_error;
  std::string message;
  std::optional<bool> should_retry;
  std::optional<Duration> retry_after;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::string_view name() const = 0;
  // Continuations, and what else the protocol has no word for, are unsupported.
  virtual Result<HttpRequest> make_request(const Request& request,
                                           const DialectConfig& config) const = 0;
  // One event's data. Malformed data is a protocol failure in the delta, not an error.
  virtual Delta read_event(std::string_view event, std::string_view data) const = 0;
  // A request that costs nothing and shows whether the server is there and takes the key.
  virtual HttpRequest check_request(const DialectConfig& config) const = 0;
  // A whole reply that was not a stream: one or two deltas (text, then usage and finish).
  virtual std::vector<Delta> read_body(std::string_view body) const = 0;
  virtual ErrorReply read_error(int status, const HttpResponse& response) const = 0;
};
// Chat completions as OpenAI and every clone speak them. top_k, repeat_penalty and ignore_eos are not part of
// that protocol and are not sent: strict servers refuse unknown fields.
const Dialect& openai_chat_dialect();

// From a finished exchange to a Completion: decides by content type, splits the body into events,
// stamps each with the arrival that completed it, joins the text. Pure: called after the request is
// done.
Completion read_response(const Dialect& dialect, HttpResponse response);

}  // namespace pennyweight
