#include "metrics/record.h"

#include <algorithm>
#include <array>

#include "metrics/base/units.h"
#include "metrics/words.h"

namespace pennyweight {
namespace {

// In the order of the enumerators; these words are part of the stored format.
constexpr std::array<std::string_view, 7> kChunkKinds{"role", "empty", "reasoning", "content",
                                                      "tool", "usage", "error"};
constexpr std::array<std::string_view, 3> kTokenSources{"none", "server_usage", "engine_exact"};
constexpr std::array<std::string_view, 3> kPhases{"warm_up", "measured", "cool_down"};
constexpr std::array<std::string_view, 2> kRoles{"answer", "judge"};
constexpr std::array<std::string_view, 6> kFinishes{"none",           "stop",       "length",
                                                    "content_filter", "tool_calls", "cancelled"};
constexpr std::array<std::string_view, 15> kFailures{
    "none",           "in_flight",    "connect",     "tls",          "timeout",
    "authentication", "rate_limited", "bad_request", "server_error", "protocol",
    "truncated",      "refused",      "unsupported", "engine",       "cancelled"};

void put_varint(std::string& out, std::uint64_t x) {
  for (; x >= 0x80; x >>= 7) out += static_cast<char>(x | 0x80);
  out += static_cast<char>(x);
}

// Takes a LEB128 number off the front. Empty at the end, above 64 bits, or when it is longer than
// it needs to be.
std::optional<std::uint64_t> take_varint(std::string_view& in) {
  std::uint64_t x = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<std::uint64_t>(static_cast<unsigned char>(in.front()));
    in.remove_prefix(1);
    if (shift == 63 && byte > 1) return std::nullopt;
    x |= (byte & 0x7F) << shift;
    if (byte < 0x80) return byte == 0 && shift > 0 ? std::nullopt : std::optional(x);
  }
  return std::nullopt;
}

// Signed to unsigned so that small numbers of either sign are short.
std::uint64_t zigzag(std::uint64_t x) {
  return x << 1 ^ (0 - (x >> 63));
}
std::uint64_t unzigzag(std::uint64_t x) {
  return x >> 1 ^ (0 - (x & 1));
}

std::optional<Chunk> take_chunk(std::string_view& in, std::uint64_t& at) {
  const auto delta = take_varint(in);
  const auto kind = take_varint(in);
  const auto bytes = take_varint(in);
  const auto tokens = take_varint(in);
  if (!delta || !kind || !bytes || !tokens) return std::nullopt;
  if (*kind >= std::size(kChunkKinds) || *bytes > UINT32_MAX || *tokens > UINT32_MAX) {
    return std::nullopt;
  }
  at += unzigzag(*delta);
  return Chunk{Instant(Duration(static_cast<std::int64_t>(at))), static_cast<ChunkKind>(*kind),
               static_cast<std::uint32_t>(*bytes), static_cast<std::uint32_t>(*tokens)};
}

std::optional<Duration> between(std::optional<Instant> from, std::optional<Instant> to) {
  if (!from || !to) return std::nullopt;
  return *to - *from;
}

std::optional<Instant> origin(const RequestRecord& r, From from) {
  return from == From::scheduled ? r.scheduled : r.sent;
}

// First token event to last, spread over `excluded` fewer than all tokens. One arrival has no pace.
std::optional<double> pace_ns(const RequestRecord& r, std::int64_t excluded) {
  const std::optional<Duration> span = between(r.first_token, r.last_token);
  if (!span || span->count() <= 0 || !r.usage.output_tokens) return std::nullopt;
  const std::int64_t tokens = *r.usage.output_tokens - excluded;
  if (tokens <= 0) return std::nullopt;
  return static_cast<double>(span->count()) / static_cast<double>(tokens);
}

}  // namespace

std::string_view to_text(ChunkKind x) {
  return word_of(x, kChunkKinds);
}
std::string_view to_text(TokenSource x) {
  return word_of(x, kTokenSources);
}
std::string_view to_text(Phase x) {
  return word_of(x, kPhases);
}
std::string_view to_text(Role x) {
  return word_of(x, kRoles);
}
std::string_view to_text(Finish x) {
  return word_of(x, kFinishes);
}
std::string_view to_text(Failure x) {
  return word_of(x, kFailures);
}
std::optional<Failure> parse_failure(std::string_view t) {
  return find_word<Failure>(t, kFailures);
}
std::optional<Finish> parse_finish(std::string_view t) {
  return find_word<Finish>(t, kFinishes);
}
std::optional<Phase> parse_phase(std::string_view t) {
  return find_word<Phase>(t, kPhases);
}
std::optional<Role> parse_role(std::string_view t) {
  return find_word<Role>(t, kRoles);
}
std::optional<TokenSource> parse_token_source(std::string_view t) {
  return find_word<TokenSource>(t, kTokenSources);
}

bool is_token_event(const Chunk& chunk) {
  const bool carries_answer = chunk.kind == ChunkKind::reasoning ||
                              chunk.kind == ChunkKind::content || chunk.kind == ChunkKind::tool;
  return carries_answer && chunk.text_bytes > 0;
}

std::string pack_chunks(const std::vector<Chunk>& chunks) {
  std::string out;
  put_varint(out, chunks.size());
  std::uint64_t last = 0;  // unsigned: differences wrap and wrap back
  for (const Chunk& chunk : chunks) {
    const auto at = static_cast<std::uint64_t>(chunk.at.time_since_epoch().count());
    put_varint(out, zigzag(at - last));
    put_varint(out, static_cast<std::uint64_t>(chunk.kind));
    put_varint(out, chunk.text_bytes);
    put_varint(out, chunk.tokens);
    last = at;
  }
  return out;
}

Result<std::vector<Chunk>> unpack_chunks(std::string_view blob) {
  const auto damaged = [] {
    return fail(ErrorKind::invalid_input, "the stored chunks of a request are damaged");
  };
  const auto count = take_varint(blob);
  // A chunk is at least 4 bytes, so a false count cannot ask for much memory.
  if (!count || *count > blob.size() / 4) return damaged();
  std::vector<Chunk> chunks;
  chunks.reserve(static_cast<std::size_t>(*count));
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const std::optional<Chunk> chunk = take_chunk(blob, at);
    if (!chunk) return damaged();
    chunks.push_back(*chunk);
  }
  if (!blob.empty()) return damaged();
  return chunks;
}

void derive_token_instants(RequestRecord& record) {
  record.first_token.reset();
  record.last_token.reset();
  for (const Chunk& chunk : record.chunks) {
    if (!is_token_event(chunk)) continue;
    if (!record.first_token) record.first_token = chunk.at;
    record.last_token = chunk.at;
  }
}

std::optional<Duration> ttft(const RequestRecord& r, From from) {
  return between(origin(r, from), r.first_token);
}
std::optional<Duration> e2e(const RequestRecord& r, From from) {
  return between(origin(r, from), r.last_token);
}
std::optional<Duration> e2e_done(const RequestRecord& r) {
  return between(r.sent, r.done);
}
std::optional<Duration> send_lag(const RequestRecord& r) {
  return between(r.scheduled, r.sent);
}

std::optional<double> tpot_ns(const RequestRecord& r) {
  const auto first = std::find_if(r.chunks.begin(), r.chunks.end(), is_token_event);
  const bool known = first != r.chunks.end() && first->tokens > 0;
  return pace_ns(r, known ? first->tokens : 1);
}
std::optional<double> tpot_n1_ns(const RequestRecord& r) {
  return pace_ns(r, 1);
}

std::vector<Duration> inter_chunk_gaps(const RequestRecord& r) {
  std::vector<Duration> gaps;
  std::optional<Instant> last;
  for (const Chunk& chunk : r.chunks) {
    if (!is_token_event(chunk)) continue;
    if (last) gaps.push_back(chunk.at - *last);
    last = chunk.at;
  }
  return gaps;
}

std::optional<double> output_tokens_per_second(const RequestRecord& r) {
  const std::optional<Duration> whole = e2e(r, From::sent);
  const std::int64_t tokens = r.usage.output_tokens.value_or(0);
  if (!whole || whole->count() <= 0 || tokens <= 0) return std::nullopt;
  return static_cast<double>(tokens) / to_seconds(*whole);
}

}  // namespace pennyweight
