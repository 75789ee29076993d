#include "metrics/summary_blanks.h"

#include <utility>

#include "metrics/statistics/quantiles.h"

namespace pennyweight {
namespace {

class Explainer {
 public:
  Explainer(Summary& s, const CostReasons& cost) : s_(s), cost_(cost) {
    if (s.n_requests == 0) {
      no_answer_ = s.n_unfinished > 0 ? "no request was finished" : "no request was measured";
    } else if (s.n_ok == 0) {
      no_answer_ =
          s.n_failed > 0 ? "every measured request failed" : "no measured request was answered";
    }
  }

  void quality() {
    std::string why = no_answer_.empty() ? "no answer was scored" : no_answer_;
    explain("score_mean", s_.score_mean, why);
    explain("score_mean_ci_low", s_.score_interval, why);
    explain("score_mean_ci_high", s_.score_interval, why);
  }

  void speed() {
    const std::string silent = "no answer carried any text";
    const std::string unsent = "no answer has the instants it takes";
    distribution("ttft_ms", s_.ttft_ms, silent);
    distribution("ttft_from_sent_ms", s_.ttft_from_sent_ms, silent);
    distribution("e2e_ms", s_.e2e_ms, silent);
    distribution("e2e_from_sent_ms", s_.e2e_from_sent_ms, silent);
    distribution("tpot_ms", s_.tpot_ms,
                 "no answer came in more than one piece with its tokens counted");
    distribution("send_lag_ms", s_.send_lag_ms, unsent);
    distribution("icg_ms", s_.inter_chunk_gap_ms, "no answer came in more than one piece");
    const Distribution& rate = s_.output_tokens_per_s;
    explain("output_tokens_per_s_request_p50", rate.p50,
            rate.n == 0 ? none("no answer has tokens that are counted") : too_few(0.5, rate.n));
    explain("output_tokens_per_s_system", s_.output_tokens_per_s_system,
            !s_.output_tokens       ? uncounted()
            : *s_.output_tokens > 0 ? "no time was measured"
                                    : "no token was generated");
    explain("requests_per_s", s_.requests_per_s, none("no time was measured"));
  }

  void volume() {
    explain("input_tokens_total", s_.input_tokens, uncounted());
    explain("cached_input_tokens_total", s_.cached_tokens,
            none("not all answers say how many input tokens were cached"));
    explain("output_tokens_total", s_.output_tokens, uncounted());
    explain("reasoning_tokens_total", s_.reasoning_tokens,
            none("not all answers say how many tokens were reasoning"));
  }

  void energy() {
    const bool known = s_.energy.state != EnergyState::unavailable;
    const std::string& why = s_.energy.reason;
    if (!known) {
      for (const char* const column : {"energy_j_total", "energy_coverage"}) add(column, why);
    }
    const std::string no_token = known ? no_tokens() : why;
    explain("energy_j_per_output_token", s_.joules_per_output_token, no_token);
    explain("energy_wh_per_1m_output_tokens", s_.joules_per_output_token, no_token);
    explain("energy_j_per_task", s_.joules_per_task, known ? none("") : why);
  }

  void cost() {
    money("cost_usd_total", s_.cost_total.has_value(), cost_.total);
    money("cost_machine_usd_total", s_.cost_machine.has_value(), cost_.machine);
    money("cost_electricity_usd_total", s_.cost_electricity.has_value(), cost_.electricity);
    const bool known = s_.cost_total.has_value();
    ratio("cost_usd_per_1k_tasks", s_.cost_per_1k_tasks, known ? none("") : cost_.total);
    ratio("cost_usd_per_1m_output_tokens", s_.cost_per_1m_output_tokens,
          known ? no_tokens() : cost_.total);
    ratio("cost_usd_per_1m_tokens", s_.cost_per_1m_tokens, known ? no_tokens() : cost_.total);
    ratio("cost_usd_per_correct", s_.cost_per_correct,
          !known             ? cost_.total
          : s_.n_scored == 0 ? none("no answer was scored")
                             : "no answer was correct");
  }

 private:
  void add(std::string column, std::string why) {
    s_.blanks.emplace_back(std::move(column), std::move(why));
  }
  template <class T>
  void explain(std::string column, const std::optional<T>& figure, const std::string& why) {
    if (!figure) add(std::move(column), why);
  }
  // The reason that comes before all others, or `otherwise`.
  std::string none(std::string otherwise) const {
    if (!no_answer_.empty()) return no_answer_;
    return otherwise;
  }
  std::string uncounted() const { return none("not all answers came with a token count"); }
  std::string no_tokens() const {
    const bool counted = s_.output_tokens && s_.input_tokens;
    return counted ? "there are no output tokens" : uncounted();
  }
  static std::string too_few(double p, int n) {
    return "needs " + std::to_string(least_samples(p)) + " samples, has " + std::to_string(n);
  }

  void distribution(const std::string& key, const Distribution& d, const std::string& why_none) {
    const std::string why = none(why_none);
    const auto statistic = [&](const char* name, const std::optional<double>& figure, double p) {
      const bool few = d.n > 0 && d.n_independent < least_samples(p);
      explain(key + "_" + name, figure,
              d.n == 0 ? why
              : few    ? too_few(p, d.n_independent)
                       : "no interval: gaps of one stream are not independent");
    };
    explain(key + "_mean", d.mean, why);
    explain(key + "_sd", d.sd, d.n == 0 ? why : "needs 2 samples, has 1");
    statistic("p50", d.p50, 0.5);
    statistic("p50_ci_low", d.p50_low, 0.5);
    statistic("p50_ci_high", d.p50_high, 0.5);
    statistic("p90", d.p90, 0.9);
    statistic("p95", d.p95, 0.95);
    statistic("p95_ci_low", d.p95_low, 0.95);
    statistic("p95_ci_high", d.p95_high, 0.95);
    statistic("p99", d.p99, 0.99);
    statistic("p99_ci_low", d.p99_low, 0.99);
    statistic("p99_ci_high", d.p99_high, 0.99);
    explain(key + "_max", d.max, why);
  }

  // A column in dollars is empty for another currency too.
  void money(const char* column, bool known, const std::string& why) {
    if (!known) {
      add(column, why);
    } else if (!(s_.cost_currency == kUsd)) {
      add(column, "the price is in " + std::string(s_.cost_currency.text()) +
                      ", and no exchange rate is given");
    }
  }
  void ratio(const char* column, const std::optional<double>& figure, const std::string& why) {
    money(column, figure.has_value(), why);
  }

  Summary& s_;
  const CostReasons& cost_;
  std::string no_answer_;
};

}  // namespace

void explain_blanks(Summary& s, const CostReasons& cost) {
  Explainer explainer(s, cost);
  explainer.quality();
  explainer.speed();
  explainer.volume();
  explainer.energy();
  explainer.cost();
}

}  // namespace pennyweight
