// Rows whose summary can be worked out by hand.
#pragma once

#include <string>
#include <vector>

#include "metrics/summary.h"

namespace pennyweight::test {

inline Instant ms(std::int64_t t) {
  return Instant(std::chrono::milliseconds(t));
}

// Scheduled at `at` ms, sent 10 ms later, tokens at 110, 160 and 210 after that, done at 220.
inline RequestRecord answer(const std::string& task, int repeat, std::int64_t at) {
  RequestRecord r;
  r.task_id = task;
  r.repeat = repeat;
  r.scheduled = ms(at);
  r.sent = r.issued = ms(at + 10);
  r.chunks = {{ms(at + 120), ChunkKind::content, 4, 1},
              {ms(at + 170), ChunkKind::content, 4, 1},
              {ms(at + 220), ChunkKind::content, 4, 1}};
  r.done = ms(at + 230);
  r.answer = "열두 bytes";
  r.input_bytes = 100;
  r.usage.input_tokens = 1200;
  r.usage.output_tokens = 300;
  r.usage.source = TokenSource::server_usage;
  r.finish = Finish::stop;
  derive_token_instants(r);
  return r;
}

inline RequestRecord failure(const std::string& task, int repeat, std::int64_t at, Failure kind) {
  RequestRecord r = answer(task, repeat, at);
  r.failure = kind;
  r.finish = Finish::none;
  r.usage = {};
  return r;
}

inline StoredScore score(const std::string& task, int repeat, std::optional<double> value,
                         Outcome outcome = Outcome::ok) {
  StoredScore s;
  s.task_id = task;
  s.repeat = repeat;
  s.score = value;
  s.outcome = outcome;
  return s;
}

// n answers of n tasks, one after the other, a second apart.
inline std::vector<RequestRecord> answers(int n) {
  std::vector<RequestRecord> out;
  for (int i = 0; i < n; ++i) out.push_back(answer("t" + std::to_string(i), 0, 1000 * i));
  return out;
}

inline SummaryInput input_of(const std::vector<RequestRecord>& records,
                             const std::vector<StoredScore>& scores = {}) {
  SummaryInput input;
  input.cell.planned_requests = static_cast<int>(records.size());
  input.records = records;
  input.scores = scores;
  input.no_energy_reason = "not measurable from here";
  return input;
}

// The same price on every day.
inline auto always(const std::string& key) {
  return [row = PriceBook::embedded().find(key, "2024-06-17")](const RequestRecord&) {
    return row ? &*row : nullptr;
  };
}

inline SummaryInput priced(const std::vector<RequestRecord>& records) {
  SummaryInput input = input_of(records);
  input.cost_rule.kind = CostRule::Kind::tokens;
  input.cost_rule.price_key = "openai/gpt-4o";
  input.price_of = always("openai/gpt-4o");
  return input;
}

inline std::string blank(const Summary& s, const std::string& column) {
  for (const auto& [name, why] : s.blanks) {
    if (name == column) return why;
  }
  return "";
}

}  // namespace pennyweight::test
