// A cell's rows become one line. Only measured answers enter; failures never enter latencies and
// always enter the rates. A retried request counts once, by its last attempt; the latencies are
// that attempt's own, so that back-off is in none.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/cost.h"
#include "metrics/energy/ledger.h"
#include "metrics/record.h"
#include "metrics/statistics/proportions.h"
#include "metrics/store.h"

namespace pennyweight {

// Of one metric, in the unit of the samples. A percentile below its sample floor is empty, and so
// is its interval. The floor counts `n_independent`.
struct Distribution {
  int n = 0, n_independent = 0;
  std::optional<double> mean, sd, min, p50, p90, p95, p99, max;
  std::optional<double> p50_low, p50_high, p95_low, p95_high, p99_low, p99_high;
};
Distribution describe(std::vector<double> samples);
// Of samples that come in `n_clusters` groups and are alike within one: no interval is known.
Distribution describe_clustered(std::vector<double> samples, int n_clusters);

struct Summary {
  CellInfo cell;
  // Requests that came to an end; those that Ctrl-C or a kill cut off are n_unfinished and in no
  // rate. Refused and unsupported ones are neither ok nor failed.
  int n_planned = 0, n_requests = 0, n_ok = 0, n_failed = 0, n_unfinished = 0;
  int n_retries = 0, n_warm_up = 0;
  double duration_s = 0;  // first scheduled to last done, of measured requests
  double busy_s = 0;  // union of [sent, done] of measured requests: what a machine rate is paid for

  // Quality.
  int n_scored = 0, n_correct = 0;
  std::optional<double> score_mean;
  std::optional<Interval> score_interval;  // Wilson on tasks; repeats of a task are averaged first
  std::vector<std::pair<Outcome, int>> outcomes;

  // Speed, ms and tokens a second.
  Distribution ttft_ms, ttft_from_sent_ms, e2e_ms, e2e_from_sent_ms, tpot_ms, send_lag_ms,
      inter_chunk_gap_ms;
  Distribution output_tokens_per_s;                  // per request
  std::optional<double> output_tokens_per_s_system;  // all output tokens / busy_s
  // ok requests / busy_s: the span holds the other targets' turns too
  std::optional<double> requests_per_s;

  // Volume. Tokens are empty when any measured answer lacks them.
  std::optional<std::int64_t> input_tokens, cached_tokens, output_tokens, reasoning_tokens;
  std::int64_t input_bytes = 0, output_bytes = 0, output_characters = 0;

  // Energy of the measured requests' own intervals, and what it costs.
  EnergyFigure energy;
  std::optional<double> joules_per_output_token, joules_per_task;
  // Failed and retried calls included. A lower bound when calls that may be billed came without
  // their tokens: cost_unknown_calls of them are not in it.
  std::optional<Money> cost_total, cost_machine, cost_electricity;
  int cost_unknown_calls = 0;
  std::optional<double> cost_per_1m_output_tokens, cost_per_1m_tokens, cost_per_1k_tasks,
      cost_per_correct;
  Currency cost_currency = kUsd;
  CostRule cost_rule;

  // Why a figure above is empty, by its column name: "cost_usd_per_1m_tokens: no price for ...".
  std::vector<std::pair<std::string, std::string>> blanks;
};

struct SummaryInput {
  CellInfo cell;
  std::span<const RequestRecord> records;  // of this cell, all phases and attempts
  std::span<const StoredScore> scores;     // of this cell
  const EnergyLedger* energy = nullptr;    // null: not applicable to this target
  std::string no_energy_reason;            // for a remote target: "not measurable from here"
  CostRule cost_rule;
  // The row in force when an attempt was sent, null where none is known. For a rule by tokens.
  std::function<const PriceRow*(const RequestRecord&)> price_of;
};
Summary summarize(const SummaryInput& input);

}  // namespace pennyweight
