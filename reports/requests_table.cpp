#include "reports/requests_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "metrics/base/hash.h"
#include "metrics/base/utf8.h"
#include "reports/column_list.h"
#include "reports/summary_table.h"

namespace pennyweight {
namespace {

using Row = RequestRow;
using Columns = ColumnList<RequestRow>;

template <class T>
auto field(T RequestRecord::*member) {
  return [member](const Row& r) { return r.record.*member; };
}

std::optional<double> milliseconds(std::optional<Duration> duration) {
  return duration ? std::optional(to_milliseconds(*duration)) : std::nullopt;
}
std::optional<double> milliseconds(std::optional<double> nanoseconds) {
  return nanoseconds ? std::optional(*nanoseconds * 1e-6) : std::nullopt;
}

std::optional<Duration> between(std::optional<Instant> from, std::optional<Instant> to) {
  return from && to ? std::optional(*to - *from) : std::nullopt;
}

// The text as a name for it: equal answers have equal names, and the answer itself stays out.
std::string hash_of(const std::string& text) {
  return text.empty() ? "" : "sha256:" + sha256(text);
}

void identity(Columns& c) {
  c.integer("schema_version", "schema", "version of the tables' columns",
            [](const Row&) { return kSchemaVersion; });
  c.text("run_id", "run", "UUIDv7 of the run", field(&RequestRecord::run_id));
  c.text("request_id", "request", "number of the row in its run; letters keep it a text",
         [](const Row& r) { return fmt::format("req_{:06}", r.number); });
  c.text("target", "target", "display name of the target",
         [](const Row& r) { return r.cell.target; });
  c.text("target_kind", "kind", "local, remote or simulated",
         [](const Row& r) { return r.cell.target_kind; });
  c.text("model_served", "model served", "model that the server named",
         field(&RequestRecord::model_served));
  c.text("task_set", "task set", "name of the task set",
         [](const Row& r) { return r.cell.task_set; });
  c.text("task_id", "task", "id of the task in its set", field(&RequestRecord::task_id));
  c.integer("repeat_index", "repeat", "from 0", field(&RequestRecord::repeat));
  c.integer("block_index", "block", "tasks of one block are asked of every target in turn",
            field(&RequestRecord::block));
  c.integer("order_in_block", "order in block", "from 0", field(&RequestRecord::order_in_block));
  c.text("phase", "phase", "only measured rows enter a summary",
         [](const Row& r) { return to_text(r.record.phase); });
  c.text("load_point", "load", "c4: closed loop, 4 requests at a time",
         [](const Row& r) { return r.cell.load_point; });
  c.integer("concurrency", "concurrency", "requests at a time",
            [](const Row& r) { return r.cell.concurrency; });
}

void times(Columns& c) {
  const auto date = [](std::optional<Instant> RequestRecord::*at) {
    return [at](const Row& r) -> std::optional<UnixTime> {
      const auto& instant = r.record.*at;
      return instant && r.sitting != nullptr ? to_unix(*r.sitting, *instant) : std::nullopt;
    };
  };
  const auto sent = date(&RequestRecord::sent);
  c.date("scheduled_at_utc", "scheduled", "when the schedule wanted it",
         date(&RequestRecord::scheduled));
  c.date("started_at_utc", "sent", "first request byte written", sent);
  c.integer("started_unix_ms", "sent (Unix ms)", "the same as milliseconds since 1970",
            [sent](const Row& r) -> std::optional<std::int64_t> {
              const auto at = sent(r);
              if (!at) return std::nullopt;
              return std::chrono::floor<std::chrono::milliseconds>(at->time_since_epoch()).count();
            });
  c.real("offset_s", "offset (s)", kSecondDecimals, "scheduled, since the sitting began",
         [](const Row& r) -> std::optional<double> {
           if (!r.record.scheduled) return std::nullopt;
           return to_seconds(r.record.scheduled->time_since_epoch());
         });
  const auto ms = [&](const char* key, const char* title, const char* description, auto get) {
    c.real(key, title, kMsDecimals, description,
           [get](const Row& r) { return milliseconds(get(r.record)); });
  };
  using Record = const RequestRecord&;
  ms("send_lag_ms", "send lag (ms)", "sent - scheduled", send_lag);
  ms("connect_ms", "connect (ms)", "connected - issued, of a new connection",
     [](Record r) { return between(r.issued, r.connected); });
  c.flag("connection_reused", "reused", "whether the connection was open already",
         field(&RequestRecord::connection_reused));
  ms("ttft_ms", "TTFT (ms)", "first token - scheduled",
     [](Record r) { return ttft(r, From::scheduled); });
  ms("ttft_from_sent_ms", "TTFT from sent (ms)", "first token - sent",
     [](Record r) { return ttft(r, From::sent); });
  ms("decode_ms", "decode (ms)", "last token - first token",
     [](Record r) { return between(r.first_token, r.last_token); });
  ms("e2e_ms", "E2E (ms)", "last token - scheduled",
     [](Record r) { return e2e(r, From::scheduled); });
  ms("e2e_from_sent_ms", "E2E from sent (ms)", "last token - sent",
     [](Record r) { return e2e(r, From::sent); });
  ms("tpot_ms", "TPOT (ms)", "decode_ms / (output_tokens - tokens of the first chunk)", tpot_ns);
  ms("tpot_n1_ms", "TPOT, N-1 (ms)", "decode_ms / (output_tokens - 1), as other tools divide",
     tpot_n1_ns);
  ms("icg_ms_max", "longest gap (ms)", "longest gap between chunks that carry tokens",
     [](Record r) {
       const std::vector<Duration> gaps = inter_chunk_gaps(r);
       const auto longest = std::max_element(gaps.begin(), gaps.end());
       return longest == gaps.end() ? std::nullopt : std::optional(*longest);
     });
  c.integer("chunk_count", "chunks", "chunks that carried tokens", [](const Row& r) {
    return static_cast<std::int64_t>(
        std::count_if(r.record.chunks.begin(), r.record.chunks.end(), is_token_event));
  });
}

void volume(Columns& c) {
  const auto tokens = [&](const char* key, const char* title, const char* description,
                          std::optional<std::int64_t> Usage::*member) {
    c.integer(key, title, description, [member](const Row& r) { return r.record.usage.*member; });
  };
  tokens("input_tokens", "input tokens", "cached ones included", &Usage::input_tokens);
  tokens("cached_input_tokens", "cached input tokens", "read from a prefix cache",
         &Usage::cached_tokens);
  tokens("output_tokens", "output tokens", "as billed: reasoning included", &Usage::output_tokens);
  tokens("reasoning_tokens", "reasoning tokens", "part of the output tokens",
         &Usage::reasoning_tokens);
  c.text("token_count_source", "counted by", "server_usage, engine_exact or none",
         [](const Row& r) { return to_text(r.record.usage.source); });
  c.integer("input_bytes", "input bytes", "UTF-8 bytes of the messages",
            field(&RequestRecord::input_bytes));
  c.integer(
      "output_chars", "output characters", "Unicode code points of the answer",
      [](const Row& r) { return static_cast<std::int64_t>(code_point_count(r.record.answer)); });
  c.real("output_tokens_per_s", "tokens/s", kRateDecimals, "output_tokens / E2E from sent",
         [](const Row& r) { return output_tokens_per_second(r.record); });
}

void ending(Columns& c) {
  c.text("finish_reason", "finish", "stop, length, content_filter, tool_calls, cancelled or none",
         [](const Row& r) { return to_text(r.record.finish); });
  c.integer("http_status", "HTTP", "status of the response", [](const Row& r) {
    return r.record.http_status > 0 ? std::optional(r.record.http_status) : std::nullopt;
  });
  c.integer("attempt", "attempt", "1 for the first try", field(&RequestRecord::attempt));
  c.flag("final_attempt", "final", "1 for the attempt that a summary counts",
         [](const Row& r) { return r.final_attempt; });
  c.integer("sitting", "sitting", "from 0; a resumed run has several",
            field(&RequestRecord::sitting));
  c.text("error_kind", "failure", "why the attempt failed; blank when it did not",
         [](const Row& r) {
           const Failure failure = r.record.failure;
           return failure == Failure::none ? std::string_view() : to_text(failure);
         });
  c.text("error_message", "message", "what the server or the engine said, on one line",
         [](const Row& r) { return printable(r.record.error_message); });
  const auto of_score = [](auto get) {
    return [get](const Row& r) { return r.score != nullptr ? to_cell(get(*r.score)) : Cell(); };
  };
  c.text("scorer", "scorer", "signature of the scorer",
         of_score([](const StoredScore& s) { return s.signature; }));
  c.text("outcome", "outcome",
         "ok, truncated, refused, unparsed, empty, error, unsupported, unscored",
         of_score([](const StoredScore& s) { return to_text(s.outcome); }));
  c.real("score", "score", kRatioDecimals, "0 to 1",
         of_score([](const StoredScore& s) { return s.score; }));
  c.real("cost_usd", "cost ($)", kDollarDecimals,
         "by tokens; blank where a machine is paid by the hour", [](const Row& r) {
           return r.cost && r.cost->currency == kUsd ? std::optional(to_double(*r.cost))
                                                     : std::nullopt;
         });
  c.text("provider_request_id", "provider's id", "id that the provider gave",
         field(&RequestRecord::provider_request_id));
  c.text("prompt_sha256", "prompt", "hash of messages and generation parameters", [](const Row& r) {
    const std::string& hash = r.record.prompt_sha256;
    return hash.empty() ? hash : "sha256:" + hash;
  });
  c.text("output_sha256", "answer", "hash of the answer's bytes",
         [](const Row& r) { return hash_of(r.record.answer); });
}

Columns all_columns(bool answers) {
  Columns c;
  identity(c);
  times(c);
  volume(c);
  ending(c);
  if (!answers) return c;
  c.text("extracted", "extracted", "what the scorer compared",
         [](const Row& r) { return r.score != nullptr ? r.score->extracted : std::string(); });
  c.text("answer_text", "answer text", "as the model wrote it", field(&RequestRecord::answer));
  c.text("reasoning_text", "reasoning text", "as the model wrote it",
         field(&RequestRecord::reasoning));
  return c;
}

const Columns& columns(bool answers) {
  static const Columns with = all_columns(true), without = all_columns(false);
  return answers ? with : without;
}

}  // namespace

Table requests_table(bool answers) {
  Table table;
  table.name = "requests";
  table.title = "One row for each attempt, warm-up and failures included";
  table.columns = columns(answers).columns();
  return table;
}

std::vector<Cell> request_cells(const RequestRow& row, bool answers) {
  return columns(answers).cells(row);
}

}  // namespace pennyweight
