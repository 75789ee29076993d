#include "metrics/summary.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "metrics/base/utf8.h"
#include "metrics/measured_requests.h"
#include "metrics/outcome.h"
#include "metrics/statistics/quantiles.h"
#include "metrics/summary_blanks.h"
#include "metrics/summary_cost.h"

namespace pennyweight {
namespace {

using Requests = std::vector<MeasuredRequest>;

void count(Summary& s, const SummaryInput& input, const Requests& requests) {
  s.n_planned = input.cell.planned_requests;
  for (const MeasuredRequest& request : requests) {
    const Failure failure = request.last().failure;
    ++(is_unfinished(failure) ? s.n_unfinished : s.n_requests);
    if (request.ok()) ++s.n_ok;
    if (is_failed(failure)) ++s.n_failed;
    s.n_retries += request.retries();
  }
  s.n_warm_up = static_cast<int>(std::count_if(
      input.records.begin(), input.records.end(),
      [](const RequestRecord& r) { return r.phase == Phase::warm_up && r.attempt == 1; }));
}

void add_quality(Summary& s, const SummaryInput& input, const Requests& requests) {
  std::map<std::pair<std::string_view, int>, const StoredScore*> scores;
  for (const StoredScore& score : input.scores) scores[{score.task_id, score.repeat}] = &score;
  std::map<Outcome, int> outcomes;
  std::map<std::string_view, std::vector<double>> by_task;
  for (const MeasuredRequest& request : requests) {
    if (is_unfinished(request.last().failure)) continue;
    const auto found = scores.find({request.last().task_id, request.last().repeat});
    if (found == scores.end()) {
      ++outcomes[outcome_without_scorer(request.last(), true).value_or(Outcome::unscored)];
      continue;
    }
    const StoredScore& score = *found->second;
    ++outcomes[score.outcome];
    if (!score.score) continue;
    by_task[score.task_id].push_back(*score.score);
    ++s.n_scored;
    if (*score.score >= 1) ++s.n_correct;
  }
  s.outcomes.assign(outcomes.begin(), outcomes.end());
  // Repeats of a task are not independent evidence about other tasks: each task counts once.
  std::vector<double> tasks;
  for (const auto& [task, repeats] : by_task) tasks.push_back(*mean(repeats));
  s.score_mean = mean(tasks);
  if (s.score_mean) {
    const auto n = static_cast<double>(tasks.size());
    s.score_interval = wilson(std::clamp(*s.score_mean, 0.0, 1.0) * n, n);
  }
}

void add_speed(Summary& s, const Requests& requests) {
  std::vector<double> ttfts, ttfts_sent, e2es, e2es_sent, tpots, lags, gaps, rates;
  int streams = 0;  // that have gaps
  const auto put = [](std::vector<double>& samples, std::optional<Duration> d) {
    if (d) samples.push_back(to_milliseconds(*d));
  };
  for (const MeasuredRequest& request : requests) {
    if (!request.ok()) continue;
    const RequestRecord& r = request.last();
    put(ttfts, ttft(r, From::scheduled));
    put(ttfts_sent, ttft(r, From::sent));
    put(e2es, e2e(r, From::scheduled));
    put(e2es_sent, e2e(r, From::sent));
    put(lags, send_lag(r));
    const std::vector<Duration> of_stream = inter_chunk_gaps(r);
    for (const Duration gap : of_stream) put(gaps, gap);
    streams += of_stream.empty() ? 0 : 1;
    if (const auto tpot = tpot_ns(r)) tpots.push_back(*tpot * 1e-6);
    if (const auto rate = output_tokens_per_second(r)) rates.push_back(*rate);
  }
  s.ttft_ms = describe(std::move(ttfts));
  s.ttft_from_sent_ms = describe(std::move(ttfts_sent));
  s.e2e_ms = describe(std::move(e2es));
  s.e2e_from_sent_ms = describe(std::move(e2es_sent));
  s.tpot_ms = describe(std::move(tpots));
  s.send_lag_ms = describe(std::move(lags));
  s.inter_chunk_gap_ms = describe_clustered(std::move(gaps), streams);
  s.output_tokens_per_s = describe(std::move(rates));
}

// The sum over all answers, or empty when one lacks it.
std::optional<std::int64_t> sum_tokens(const Requests& requests,
                                       std::optional<std::int64_t> Usage::*member) {
  std::optional<std::int64_t> sum;
  for (const MeasuredRequest& request : requests) {
    if (!request.ok()) continue;
    const std::optional<std::int64_t>& tokens = request.last().usage.*member;
    if (!tokens) return std::nullopt;
    sum = sum.value_or(0) + *tokens;
  }
  return sum;
}

void add_volume(Summary& s, const Requests& requests) {
  s.input_tokens = sum_tokens(requests, &Usage::input_tokens);
  s.cached_tokens = sum_tokens(requests, &Usage::cached_tokens);
  s.output_tokens = sum_tokens(requests, &Usage::output_tokens);
  s.reasoning_tokens = sum_tokens(requests, &Usage::reasoning_tokens);
  for (const MeasuredRequest& request : requests) {
    if (!request.ok()) continue;
    const RequestRecord& r = request.last();
    s.input_bytes += r.input_bytes;
    s.output_bytes += static_cast<std::int64_t>(r.answer.size());
    s.output_characters += static_cast<std::int64_t>(code_point_count(r.answer));
  }
  if (s.output_tokens && *s.output_tokens > 0 && s.busy_s > 0) {
    s.output_tokens_per_s_system = static_cast<double>(*s.output_tokens) / s.busy_s;
  }
  if (s.n_ok > 0 && s.busy_s > 0) s.requests_per_s = s.n_ok / s.busy_s;
}

void add_energy(Summary& s, const SummaryInput& input, const std::vector<Window>& busy) {
  if (input.energy == nullptr) {
    s.energy.reason = input.no_energy_reason;
    return;
  }
  if (busy.empty()) {
    s.energy.reason = "no measured request was in flight";
    return;
  }
  s.energy = input.energy->over(busy);
  if (s.energy.state == EnergyState::unavailable) return;
  const double joules = s.energy.joules.value;
  if (s.output_tokens && *s.output_tokens > 0) {
    s.joules_per_output_token = joules / static_cast<double>(*s.output_tokens);
  }
  if (s.n_ok > 0) s.joules_per_task = joules / s.n_ok;
}

}  // namespace

Distribution describe_clustered(std::vector<double> samples, int n_clusters) {
  std::sort(samples.begin(), samples.end());
  Distribution d;
  d.n = static_cast<int>(samples.size());
  d.n_independent = n_clusters;
  d.mean = mean(samples);
  d.sd = standard_deviation(samples);
  if (!samples.empty()) {
    d.min = samples.front();
    d.max = samples.back();
  }
  const auto percentile = [&](double p, std::optional<double>& value) {
    if (n_clusters >= least_samples(p)) value = quantile(samples, p);
  };
  percentile(0.5, d.p50);
  percentile(0.9, d.p90);
  percentile(0.95, d.p95);
  percentile(0.99, d.p99);
  return d;
}

Distribution describe(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  Distribution d = describe_clustered(samples, static_cast<int>(samples.size()));
  const auto interval = [&](double p, std::optional<double>& low, std::optional<double>& high) {
    if (d.n < least_samples(p)) return;
    const QuantileInterval ends = quantile_interval(samples, p);
    low = ends.low, high = ends.high;
  };
  interval(0.5, d.p50_low, d.p50_high);
  interval(0.95, d.p95_low, d.p95_high);
  interval(0.99, d.p99_low, d.p99_high);
  return d;
}

Summary summarize(const SummaryInput& input) {
  Summary s;
  s.cell = input.cell;
  const Requests requests = measured_requests(input.records);
  const std::vector<Window> busy = busy_windows(requests);
  s.busy_s = to_seconds(length(busy));
  s.duration_s = to_seconds(whole_duration(requests));
  count(s, input, requests);
  add_quality(s, input, requests);
  add_speed(s, requests);
  add_volume(s, requests);
  add_energy(s, input, busy);
  const CostReasons reasons = add_cost(s, input, requests, length(busy));
  explain_blanks(s, reasons);
  return s;
}

}  // namespace pennyweight
