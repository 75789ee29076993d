// A system under test: a model at a place. Local, remote and simulated ones are driven by the same
// code, and their arrivals are stamped by the same clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "datasets/task_set.h"
#include "metrics/base/clock.h"
#include "metrics/base/result.h"
#include "metrics/base/text_template.h"
#include "metrics/record.h"
#include "runners/event_loop.h"

namespace pennyweight {

using RequestId = std::uint64_t;  // never 0, never reused in a sitting

// Every field that an API may refuse is optional: what is empty is not sent.
struct GenerationParameters {
  int max_tokens = 0;  // > 0: without a bound there is no bound on the cost
  std::optional<double> temperature, top_p;
  std::optional<int> top_k;
  std::optional<std::uint64_t> seed;
  std::optional<double> frequency_penalty, presence_penalty;
  std::optional<double> repeat_penalty;  // where the target can
  std::string response_format;           // "": any text; "json_object"; or a JSON schema
  std::vector<std::string> stop;
  bool stream = true;
  bool ignore_eos = false;  // where the target can
  friend bool operator==(const GenerationParameters&, const GenerationParameters&) = default;
};
Value to_value(const GenerationParameters&);

struct RawPrompt {
  std::string text;
};
// Log-likelihood of each continuation after the prefix, answered as likelihood_answer writes them
// (datasets/scorer.h); local only.
struct Continuations {
  std::variant<std::vector<Message>, RawPrompt> prefix;
  std::vector<std::string> continuations;
};

struct Timeouts {
  Duration connect = std::chrono::seconds(5);
  Duration idle = std::chrono::seconds(120);   // no byte for so long
  Duration total = std::chrono::seconds(600);
};

struct Request {
  std::variant<std::vector<Message>, RawPrompt, Continuations> prompt;
  GenerationParameters generation;
  Timeouts timeouts;
};
std::int64_t input_bytes(const Request& request);     // UTF-8 bytes of the text
std::string prompt_sha256(const Request& request);    // canonical JSON of prompt and generation

// How an attempt ended. The runner copies it into a RequestRecord; field by field the same words.
struct Completion {
  std::optional<Instant> sent, connected, tls_done, header, done;
  std::optional<bool> connection_reused;
  std::vector<Chunk> chunks;
  bool streamed = true;  // false: the answer came whole, as one chunk, and had no first token
  Usage usage;
  Failure failure = Failure::none;
  Finish finish = Finish::none;
  int http_status = 0;
  std::string error_message;  // redacted
  std::string answer, reasoning;
  std::string model_served, provider_request_id;
  // What the server said about trying again (retry-after-ms, retry-after, x-should-retry).
  std::optional<Duration> retry_after;
  std::optional<bool> should_retry;
};

// Called on the loop's thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // The first byte is on its way: from here on the attempt may cost money. At most once; may come from
  // inside issue().
  virtual void on_sent(RequestId id, Instant at) = 0;
  // For the progress line: at most every 100 ms, after `chunks` chunks. Never part of a measurement.
  virtual void on_progress(RequestId id, int chunks) = 0;
  // Exactly once for each issued request, always from a later turn of the loop than issue().
  virtual void on_finished(RequestId id, Completion completion) = 0;
};

struct TargetInfo {
  std::string name;          // in plans and reports
  std::string kind;          // "local", "remote", "simulated"
  std::string model;         // as asked for
  bool on_this_machine = false;  // its energy is this machine's, and nothing else runs while it works
  bool accepts_images = false;
  Value identity;            // part of the cell id: file hash, template hash, URL without user info ...
  Value facts;               // for the environment table: sizes, kernels, threads ...
};

// One thread, that of the loop it is attached to. No call blocks.
class Target {
 public:
  virtual ~Target() = default;
  virtual const TargetInfo& info() const = 0;
  // Once, before the first issue. The loop outlives the target, the sink until detach().
  virtual Result<void> attach(EventLoop& loop, EventSink& sink) = 0;
  // The last call but info() and check(): from here on the sink hears nothing, what still runs is
  // given up. Harmless when not attached.
  virtual void detach() = 0;
  // Does not fail: what cannot start is reported by on_finished.
  virtual void issue(RequestId id, const Request& request) = 0;
  // The request finishes as cancelled, soon. Unknown or finished ids are ignored.
  virtual void cancel(RequestId id) = 0;
  // Preflight, before the first request and outside any measurement: is it there, is the key there?
  // Remote: no request that costs money.
  virtual Result<void> check() = 0;
};

}  // namespace pennyweight
