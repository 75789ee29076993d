#include "reports/blank_reasons.h"

#include <string_view>

#include "metrics/statistics/quantiles.h"

namespace pennyweight {
namespace {

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}
bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// A percentile below its floor: it is the number of samples that is missing.
std::string of_percentile(const Summary& summary, std::string_view key) {
  const struct {
    std::string_view prefix;
    const Distribution& distribution;
  } metrics[] = {{"ttft_ms_p", summary.ttft_ms},
                 {"ttft_from_sent_ms_p", summary.ttft_from_sent_ms},
                 {"e2e_ms_p", summary.e2e_ms},
                 {"e2e_from_sent_ms_p", summary.e2e_from_sent_ms},
                 {"tpot_ms_p", summary.tpot_ms},
                 {"send_lag_ms_p", summary.send_lag_ms},
                 {"icg_ms_p", summary.inter_chunk_gap_ms}};
  const struct {
    std::string_view suffix;
    double p;
  } percentiles[] = {{"_p50", 0.50}, {"_p90", 0.90}, {"_p95", 0.95}, {"_p99", 0.99}};
  for (const auto& [prefix, distribution] : metrics) {
    if (!starts_with(key, prefix)) continue;
    for (const auto& [suffix, p] : percentiles) {
      if (!ends_with(key, suffix)) continue;
      return distribution.n == 0
                 ? "no sample"
                 : std::to_string(distribution.n) + " samples, " + std::string(suffix.substr(1)) +
                       " needs " + std::to_string(least_samples(p));
    }
  }
  return "";
}

std::string of_cost(const SummaryRow& row) {
  const Summary& s = row.summary;
  switch (s.cost_rule.kind) {
    case CostRule::Kind::none:
      return s.cost_rule.words.empty() ? "no price was given" : s.cost_rule.words;
    case CostRule::Kind::tokens:
      if (!row.price) return "no price of " + s.cost_rule.price_key + " is known";
      break;
    case CostRule::Kind::machine:
      break;
  }
  if (s.cost_currency != kUsd && s.cost_total) {
    return "priced in another currency, " + money_text(*s.cost_total) + " " +
           std::string(s.cost_currency.text()) + " in all, which is not converted";
  }
  return s.cost_rule.kind == CostRule::Kind::tokens ? "token counts are missing"
                                                    : "nothing of it is known";
}

std::string reason(const SummaryRow& row, const std::string& key) {
  const Summary& s = row.summary;
  for (const auto& [column, why] : s.blanks) {
    if (column == key) return why;
  }
  if (s.n_requests == 0) return "nothing was measured";
  if (starts_with(key, "energy_")) {
    return s.energy.reason.empty() ? "token counts are missing" : s.energy.reason;
  }
  if (starts_with(key, "cost_machine_") || starts_with(key, "cost_electricity_")) {
    if (s.cost_rule.kind == CostRule::Kind::tokens) return "priced by tokens";
    const auto& rates = s.cost_rule.machine;
    const bool electricity = starts_with(key, "cost_electricity_");
    if (!(electricity ? rates.electricity_per_kwh : rates.per_hour)) return "no rate was given";
    return electricity ? s.energy.reason : of_cost(row);
  }
  if (starts_with(key, "cost_") || starts_with(key, "price_")) return of_cost(row);
  if (starts_with(key, "score_mean") || ends_with(key, "_rate")) return "no answer was scored";
  if (starts_with(key, "output_tokens_")) return "token counts are missing";
  return of_percentile(s, key);
}

}  // namespace

void add_blanks(const SummaryRow& row, const std::vector<Cell>& cells, const std::string& label,
                Table& table) {
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!std::holds_alternative<std::monostate>(cells[i])) continue;
    std::string why = reason(row, table.columns[i].key);
    if (!why.empty()) table.blanks.push_back({table.columns[i].key, label, std::move(why)});
  }
}

}  // namespace pennyweight
