#include "reports/summary_table.h"

#include "reports/column_list.h"

namespace pennyweight {
namespace {

using Row = SummaryRow;
using Columns = ColumnList<SummaryRow>;

// A field of the Summary as it is.
template <class T>
auto field(T Summary::*member) {
  return [member](const Row& r) { return r.summary.*member; };
}

std::optional<double> share(int part, int whole) {
  if (whole <= 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

void identity(Columns& c) {
  c.integer("schema_version", "schema", "version of the tables' columns",
            [](const Row&) { return kSchemaVersion; });
  c.text("run_id", "run", "UUIDv7 of the run", [](const Row& r) { return r.run.run_id; });
  c.text(
      "target", "target", "display name of the target",
      [](const Row& r) { return r.summary.cell.target; }, 2);
  c.text("target_kind", "kind", "local, remote or simulated",
         [](const Row& r) { return r.summary.cell.target_kind; });
  c.text("model_served", "model served", "model that the server named in its answers",
         [](const Row& r) { return r.facts.model_served; });
  c.text("quantization", "quantization", "block format of the weights, where known",
         [](const Row& r) { return r.facts.quantization; });
  c.text(
      "task_set", "task set", "name of the task set",
      [](const Row& r) { return r.summary.cell.task_set; }, 3);
  c.text(
      "load_point", "load", "c4: closed loop, 4 requests at a time",
      [](const Row& r) { return r.summary.cell.load_point; }, 4);
}

// The Wilson interval behind a share.
template <class Get>
void interval(Columns& c, const std::string& key, const std::string& title, Get get,
              int headline = 0) {
  c.real(
      key + "_ci_low", title + ", from", kRatioDecimals, "lower end of the 95 % Wilson interval",
      [get](const Row& r) -> std::optional<double> {
        const std::optional<Interval> ends = get(r);
        return ends ? std::optional(ends->low) : std::nullopt;
      },
      headline);
  c.real(
      key + "_ci_high", title + ", to", kRatioDecimals, "upper end of the 95 % Wilson interval",
      [get](const Row& r) -> std::optional<double> {
        const std::optional<Interval> ends = get(r);
        return ends ? std::optional(ends->high) : std::nullopt;
      },
      headline);
}

void counts(Columns& c) {
  c.integer("n_planned", "planned", "measured requests of the plan, repeats included",
            field(&Summary::n_planned));
  c.integer("n_requests", "n", "measured requests that came to an end; a retried one counts once",
            field(&Summary::n_requests), 5);
  c.integer("n_ok", "ok", "measured requests that were answered", field(&Summary::n_ok));
  c.integer(
      "n_error", "failed requests",
      "measured requests that failed after their retries: connection, server, protocol or engine; "
      "refused, unsupported and cancelled ones are not among them",
      field(&Summary::n_failed));
  c.integer("n_timeout", "timeouts", "failed requests that ended in a timeout",
            [](const Row& r) { return r.facts.n_timeout; });
  c.integer("n_warm_up", "warm-up", "requests before measuring; they enter no figure",
            field(&Summary::n_warm_up));
  c.integer("n_tasks", "tasks", "distinct tasks among the measured requests",
            [](const Row& r) { return r.facts.n_tasks; });
  c.real(
      "error_rate", "failed", kRatioDecimals, "n_error / n_requests",
      [](const Row& r) { return share(r.summary.n_failed, r.summary.n_requests); }, 30);
  interval(c, "error_rate", "failed",
           [](const Row& r) { return wilson(r.summary.n_failed, r.summary.n_requests); });
  c.real("retry_rate", "retried", kRatioDecimals,
         "attempts after the first of their sitting / n_requests; may exceed 1",
         [](const Row& r) { return share(r.summary.n_retries, r.summary.n_requests); });
}

void quality(Columns& c) {
  c.integer("n_scored", "scored", "answers with a score", field(&Summary::n_scored));
  c.integer("n_correct", "correct", "answers with score 1", field(&Summary::n_correct));
  c.real("score_mean", "quality", kRatioDecimals,
         "mean score, 0 to 1; repeats of a task are averaged first", field(&Summary::score_mean),
         6);
  interval(c, "score_mean", "quality", field(&Summary::score_interval), 6);
  const struct {
    const char *key, *title, *description;
    Outcome outcome;
    int headline;
  } rates[] = {{"truncated_rate", "truncated", "answers cut at max_tokens", Outcome::truncated, 31},
               {"unparsed_rate", "unparsed", "answers in which the scorer found nothing",
                Outcome::unparsed, 32},
               {"refused_rate", "refused", "answers refused by the provider", Outcome::refused, 0},
               {"empty_rate", "empty", "blank answers", Outcome::empty, 0}};
  for (const auto& rate : rates) {
    c.real(
        rate.key, rate.title, kRatioDecimals, std::string(rate.description) + " / n_requests",
        [outcome = rate.outcome](const Row& r) -> std::optional<double> {
          if (r.summary.outcomes.empty()) return std::nullopt;
          int n = 0;
          for (const auto& [kind, count] : r.summary.outcomes) n += kind == outcome ? count : 0;
          return share(n, r.summary.n_requests);
        },
        rate.headline);
  }
}

void distribution(Columns& c, const std::string& key, const std::string& name,
                  const std::string& description, Distribution Summary::*metric,
                  std::pair<int, int> headline = {}) {
  const struct {
    const char *suffix, *title;
    std::optional<double> Distribution::*statistic;
    int headline;
  } statistics[] = {{"mean", "mean", &Distribution::mean, 0},
                    {"sd", "sd", &Distribution::sd, 0},
                    {"p50", "p50", &Distribution::p50, headline.first},
                    {"p50_ci_low", "p50, from", &Distribution::p50_low, 0},
                    {"p50_ci_high", "p50, to", &Distribution::p50_high, 0},
                    {"p90", "p90", &Distribution::p90, 0},
                    {"p95", "p95", &Distribution::p95, headline.second},
                    {"p95_ci_low", "p95, from", &Distribution::p95_low, 0},
                    {"p95_ci_high", "p95, to", &Distribution::p95_high, 0},
                    {"p99", "p99", &Distribution::p99, 0},
                    {"p99_ci_low", "p99, from", &Distribution::p99_low, 0},
                    {"p99_ci_high", "p99, to", &Distribution::p99_high, 0},
                    {"max", "max", &Distribution::max, 0}};
  for (const auto& s : statistics) {
    c.real(
        key + "_" + s.suffix, name + " " + s.title + " (ms)", kMsDecimals,
        description + "; " + s.title,
        [metric, statistic = s.statistic](const Row& r) { return (r.summary.*metric).*statistic; },
        s.headline);
  }
}

void speed(Columns& c) {
  distribution(c, "ttft_ms", "TTFT", "first token - scheduled", &Summary::ttft_ms, {11, 12});
  distribution(c, "ttft_from_sent_ms", "TTFT from sent", "first token - sent",
               &Summary::ttft_from_sent_ms);
  distribution(c, "e2e_ms", "E2E", "last token - scheduled", &Summary::e2e_ms);
  distribution(c, "e2e_from_sent_ms", "E2E from sent", "last token - sent",
               &Summary::e2e_from_sent_ms);
  distribution(c, "tpot_ms", "TPOT",
               "(last token - first token) / (output tokens - tokens of the first chunk)",
               &Summary::tpot_ms, {13, 0});
  distribution(c, "send_lag_ms", "send lag", "sent - scheduled", &Summary::send_lag_ms);
  distribution(
      c, "icg_ms", "ICG",
      "gap between chunks that carry tokens; percentiles from as many answers as others need",
      &Summary::inter_chunk_gap_ms);
  c.real("output_tokens_per_s_system", "tokens/s", kRateDecimals, "all output tokens / busy_s",
         field(&Summary::output_tokens_per_s_system), 14);
  c.real("output_tokens_per_s_request_p50", "tokens/s of a request, p50", kRateDecimals,
         "output tokens / E2E from sent; p50",
         [](const Row& r) { return r.summary.output_tokens_per_s.p50; });
  c.real("requests_per_s", "requests/s", kRateDecimals,
         "n_ok / busy_s: only the time with one of its requests in flight, since the turns of "
         "the other targets lie between",
         field(&Summary::requests_per_s));
}

void volume(Columns& c) {
  c.integer("input_tokens_total", "input tokens", "cached ones included",
            field(&Summary::input_tokens));
  c.integer("cached_input_tokens_total", "cached input tokens", "read from a prefix cache",
            field(&Summary::cached_tokens));
  c.integer("output_tokens_total", "output tokens", "as billed: reasoning included",
            field(&Summary::output_tokens));
  c.integer("reasoning_tokens_total", "reasoning tokens", "part of the output tokens",
            field(&Summary::reasoning_tokens));
  c.integer("output_chars_total", "output characters", "Unicode code points of all answers",
            field(&Summary::output_characters));
  c.real("duration_s", "duration (s)", kSecondDecimals, "last done - first scheduled",
         field(&Summary::duration_s));
  c.real("busy_s", "busy (s)", kSecondDecimals, "time with at least one request in flight",
         field(&Summary::busy_s));
}

template <class T>
auto where_known(T EnergyFigure::*member) {
  return [member](const Row& r) {
    const EnergyFigure& energy = r.summary.energy;
    return energy.state == EnergyState::unavailable ? std::nullopt : std::optional(energy.*member);
  };
}

void energy(Columns& c) {
  c.real("energy_j_total", "energy (J)", kJouleDecimals, "while measured requests were in flight",
         [](const Row& r) -> std::optional<double> {
           const auto joules = where_known(&EnergyFigure::joules)(r);
           return joules ? std::optional(joules->value) : std::nullopt;
         });
  c.real("energy_j_per_output_token", "J/token", kJouleDecimals,
         "energy_j_total / output_tokens_total", field(&Summary::joules_per_output_token));
  c.real("energy_j_per_task", "J/task", kJouleDecimals, "energy_j_total / answered requests",
         field(&Summary::joules_per_task), 20);
  c.real("energy_wh_per_1m_output_tokens", "Wh/1M tokens", kRateDecimals,
         "energy_j_per_output_token * 1e6 / 3600", [](const Row& r) -> std::optional<double> {
           const auto& joules = r.summary.joules_per_output_token;
           return joules ? std::optional(*joules * 1e6 / 3600) : std::nullopt;
         });
  c.text("energy_state", "energy is", "measured, estimated, modelled or unavailable",
         [](const Row& r) { return to_text(r.summary.energy.state); });
  c.real("energy_coverage", "energy coverage", kRatioDecimals, "observed / requested time",
         where_known(&EnergyFigure::coverage));
  c.text("energy_method", "energy method", "the sources that were added, and their scope",
         [](const Row& r) { return r.summary.energy.method; });
}

std::string price_basis(const Row& r) {
  const CostRule& rule = r.summary.cost_rule;
  if (rule.kind == CostRule::Kind::none) return "";
  if (rule.illustrative) return "illustrative";
  return rule.kind == CostRule::Kind::tokens ? "listed" : "own rate";
}

void cost(Columns& c) {
  // Columns in dollars hold dollars: nothing is converted without a dated rate.
  const auto ratio = [&](const char* key, const char* title, const char* description,
                         std::optional<double> Summary::*value, int headline = 0) {
    c.real(
        key, title, kDollarDecimals, description,
        [value](const Row& r) {
          return r.summary.cost_currency == kUsd ? r.summary.*value : std::nullopt;
        },
        headline);
  };
  const auto total = [&](const char* key, const char* title, const char* description,
                         std::optional<Money> Summary::*value) {
    c.real(key, title, kDollarDecimals, description, [value](const Row& r) {
      const std::optional<Money>& money = r.summary.*value;
      return money && money->currency == kUsd ? std::optional(to_double(*money)) : std::nullopt;
    });
  };
  total("cost_usd_total", "cost ($)",
        "failed and retried calls included; a lower bound where cost_unknown_calls > 0",
        &Summary::cost_total);
  ratio("cost_usd_per_1k_tasks", "$ per 1k tasks", "cost_usd_total / answered requests * 1000",
        &Summary::cost_per_1k_tasks, 7);
  ratio("cost_usd_per_1m_output_tokens", "$ per 1M output tokens",
        "cost_usd_total / output_tokens_total * 1e6", &Summary::cost_per_1m_output_tokens);
  ratio("cost_usd_per_1m_tokens", "$ per 1M tokens",
        "cost_usd_total / (input + output tokens) * 1e6", &Summary::cost_per_1m_tokens, 9);
  ratio("cost_usd_per_correct", "$ per correct", "cost_usd_total / n_correct",
        &Summary::cost_per_correct, 8);
  total("cost_machine_usd_total", "machine ($)", "busy_s at the machine's hourly rate",
        &Summary::cost_machine);
  total("cost_electricity_usd_total", "electricity ($)", "energy_j_total at the price of a kWh",
        &Summary::cost_electricity);
  c.text("price_basis", "price is",
         "listed: of this model; illustrative: of another one; own rate: of one's own machine",
         price_basis, 10);
  c.text("price_id", "price row",
         "provider/model@date of the price row in force when the requests were sent; several, "
         "separated by ;, where they were sent before and after it changed",
         [](const Row& r) {
           std::string out;
           for (const UsedPrice& price : r.pricing.used) {
             out += (out.empty() ? "" : ";") + price.row.key() + "@" + price.row.effective_from;
           }
           return out;
         });
}

Columns all_columns() {
  Columns c;
  identity(c);
  counts(c);
  quality(c);
  speed(c);
  volume(c);
  energy(c);
  cost(c);
  c.text("quantile_method", "quantiles", "type7: PERCENTILE.INC of a spreadsheet",
         [](const Row&) { return std::string_view("type7"); });
  c.real("ci_level", "level", 2, "two-sided level of every interval",
         [](const Row&) { return 0.95; });
  c.text("flags", "flags", "codes of the warnings about this row, separated by ;",
         [](const Row& r) { return r.flags; });
  c.text("run_name", "run name", "name of the plan", [](const Row& r) { return r.run.name; });
  c.date("started_at_utc", "run started", "when the run began",
         [](const Row& r) { return r.run.started; });
  c.integer("n_unfinished", "unfinished",
            "measured requests cut off by Ctrl-C or the program's end; they are in no rate",
            field(&Summary::n_unfinished));
  c.integer("cost_unknown_calls", "calls of unknown cost",
            "calls that may be billed and whose tokens are not known; the cost leaves them out",
            field(&Summary::cost_unknown_calls));
  return c;
}

const Columns& columns() {
  static const Columns all = all_columns();
  return all;
}

}  // namespace

Table summary_table(bool several_runs) {
  Table table;
  table.name = "summary";
  table.title = "One row for each target, task set and load point";
  table.columns = columns().columns();
  for (Column& column : table.columns) {
    if (several_runs && column.key == "started_at_utc") column.headline = 1;
  }
  return table;
}

std::vector<Cell> summary_cells(const SummaryRow& row) {
  return columns().cells(row);
}

}  // namespace pennyweight
