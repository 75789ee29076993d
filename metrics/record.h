// One attempt at one request, as it happened. Plain data: nothing here formats, prices, scores or
// prints. Opinions (cost, score, percentiles) are computed from it and can be computed again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/clock.h"
#include "metrics/base/result.h"

namespace pennyweight {

// What an arrival carried. A chunk is not a token: `tokens` is 0 where nobody counted.
enum class ChunkKind : std::uint8_t { role, empty, reasoning, content, tool, usage, error };
struct Chunk {
  Instant at{};
  ChunkKind kind = ChunkKind::content;
  std::uint32_t text_bytes = 0;
  std::uint32_t tokens = 0;
  friend bool operator==(const Chunk&, const Chunk&) = default;
};
// Token events are the non-empty reasoning, content and tool chunks.
bool is_token_event(const Chunk& chunk);

// One varint BLOB an attempt: count, then for each chunk the zigzag delta of at (ns), kind, bytes,
// tokens. A damaged one is an error.
std::string pack_chunks(const std::vector<Chunk>& chunks);
Result<std::vector<Chunk>> unpack_chunks(std::string_view blob);

// Who counted the tokens, best first. `none`: tokens empty, characters still reported.
enum class TokenSource : std::uint8_t { none, server_usage, engine_exact };
struct Usage {
  std::optional<std::int64_t> input_tokens;      // all of them, cached ones included
  std::optional<std::int64_t> cached_tokens;     // read from the provider's or our own prefix cache
  std::optional<std::int64_t> output_tokens;     // billed: reasoning included
  std::optional<std::int64_t> reasoning_tokens;  // part of output_tokens
  TokenSource source = TokenSource::none;
  friend bool operator==(const Usage&, const Usage&) = default;
};

enum class Phase : std::uint8_t { warm_up, measured, cool_down };
enum class Role : std::uint8_t { answer, judge };

// How the answer ended, in the field's words. `none`: it did not end.
enum class Finish : std::uint8_t { none, stop, length, content_filter, tool_calls, cancelled };

// Why an attempt failed. A failure is a row, not a missing row.
enum class Failure : std::uint8_t {
  none,
  in_flight,  // the process died before the end; found again in the store
  connect,    // refused, no route, DNS
  tls,
  timeout,         // connect, first byte, idle or whole request; the message says which
  authentication,  // 401, 403
  rate_limited,    // 429
  bad_request,     // other 4xx: our request is wrong, or the model does not take it
  server_error,    // 5xx
  protocol,        // HTML instead of JSON, malformed events, an error inside HTTP 200
  truncated,       // the stream ended without its end
  refused,         // the provider declined to answer
  unsupported,     // the target cannot take this task (images, context too long)
  engine,          // our own engine failed
  cancelled,       // we stopped it
};
std::string_view to_text(ChunkKind), to_text(TokenSource), to_text(Phase), to_text(Role),
    to_text(Finish), to_text(Failure);
// Empty for an unknown word.
std::optional<Failure> parse_failure(std::string_view);
std::optional<Finish> parse_finish(std::string_view);
std::optional<Phase> parse_phase(std::string_view);
std::optional<Role> parse_role(std::string_view);
std::optional<TokenSource> parse_token_source(std::string_view);

// Key: run_id, cell_id, task_id, repeat, attempt. Instants count from the sitting's epoch and are
// empty where it never came to that.
struct RequestRecord {
  std::string run_id, cell_id, task_id;
  int repeat = 0;   // 0-based
  int attempt = 1;  // 1 for the first try
  int sitting = 0;  // 0-based; a resumed run has more than one
  int block = 0, order_in_block = 0;
  Phase phase = Phase::measured;
  Role role = Role::answer;

  // The six instants.
  std::optional<Instant>
      scheduled;                  // when the schedule wanted it; attempt 2 and later: the retry's
  std::optional<Instant> issued;  // handed to transport or engine, before template and tokenising
  std::optional<Instant> sent;    // first request byte written; locally = issued
  std::optional<Instant> first_token;  // first token event, reasoning included
  std::optional<Instant> last_token;
  std::optional<Instant> done;  // end of stream, or the failure
  // Beside them, remote only.
  std::optional<Instant> connected, tls_done, header;
  std::optional<bool> connection_reused;

  std::vector<Chunk> chunks;
  Usage usage;
  Failure failure = Failure::none;
  Finish finish = Finish::none;
  int http_status = 0;            // 0 = none
  std::string error_message;      // redacted, at most 500 bytes
  std::string answer, reasoning;  // raw bytes as received
  std::string model_served, provider_request_id;
  std::string prompt_sha256;     // canonical JSON of messages and generation parameters
  std::int64_t input_bytes = 0;  // UTF-8 bytes of the rendered messages
};

// Sets first_token and last_token from the chunks.
void derive_token_instants(RequestRecord& record);

// Derived times: reference formulas in docs/measuring.md (schema 1). Each is empty where undefined,
// never 0. `From::scheduled` is the headline in open loop, `From::sent` beside it.
enum class From : std::uint8_t { scheduled, sent };
std::optional<Duration> ttft(const RequestRecord&, From);  // first token event - from
std::optional<Duration> e2e(const RequestRecord&, From);   // last token event - from
std::optional<Duration> e2e_done(const RequestRecord&);    // done - sent
std::optional<Duration> send_lag(const RequestRecord&);    // sent - scheduled
// (last - first) / (N - n_first), N = output tokens; n_first = tokens of the first event, 1 if
// unknown.
std::optional<double> tpot_ns(const RequestRecord&);
std::optional<double> tpot_n1_ns(const RequestRecord&);  // (last - first) / (N - 1): parity only
std::vector<Duration> inter_chunk_gaps(const RequestRecord&);          // between token events
std::optional<double> output_tokens_per_second(const RequestRecord&);  // N / e2e from sent

}  // namespace pennyweight
