#include "metrics/summary_cost.h"

#include <utility>

namespace pennyweight {
namespace {

// Failures before any work was done: no provider bills them.
bool is_never_billed(const RequestRecord& r) {
  switch (r.failure) {
    case Failure::connect:
    case Failure::tls:
    case Failure::authentication:
    case Failure::rate_limited:
    case Failure::bad_request:
    case Failure::server_error:
    case Failure::unsupported:
      return true;
    default:
      return r.failure != Failure::none && !r.sent;
  }
}

// Sums the attempts whose tokens are known, failed and retried ones included, and counts the
// others; or says why it cannot.
std::string add_token_cost(Summary& s, const SummaryInput& input,
                           const std::vector<MeasuredRequest>& requests) {
  const std::string& key = input.cost_rule.price_key;
  if (requests.empty()) return "no request was measured";
  std::optional<Money> sum;
  int uncounted = 0;
  int maybe_billed = 0;
  for (const MeasuredRequest& request : requests) {
    for (const RequestRecord* r : request.attempts()) {
      const PriceRow* price = input.price_of ? input.price_of(*r) : nullptr;
      if (price == nullptr) return "no price for " + key + " on the day of its requests";
      if (!r->usage.input_tokens || !r->usage.output_tokens) {
        if (!is_never_billed(*r)) ++(r->failure == Failure::none ? uncounted : maybe_billed);
        continue;
      }
      const std::optional<Money> cost = token_cost(r->usage, *price);
      if (!cost) return "the price of " + key + " does not cover these tokens";
      sum = sum ? add(*sum, *cost) : cost;
      if (!sum) return "the sum is too large";
    }
  }
  s.cost_unknown_calls = uncounted + maybe_billed;
  if (!sum && uncounted > 0) {
    return "the server sent no token count with " + std::to_string(uncounted) + " of " +
           std::to_string(s.n_ok) + " answers";
  }
  if (!sum && maybe_billed > 0) {
    return std::to_string(maybe_billed) +
           " failed calls may have been billed, and their tokens are not known";
  }
  if (!sum) return "no call was answered";
  s.cost_total = sum;
  return {};
}

CostReasons add_machine_cost(Summary& s, const MachineRate& rate, Duration busy) {
  CostReasons why;
  std::optional<Joules> energy;
  if (s.energy.state != EnergyState::unavailable) energy = s.energy.joules;
  const MachineCost cost = machine_cost(rate, busy, energy);
  s.cost_machine = cost.machine;
  s.cost_electricity = cost.electricity;
  s.cost_total = cost.total;
  if (!cost.machine)
    why.machine = rate.per_hour ? "the sum is too large" : "no hourly rate is given";
  if (!cost.electricity) {
    why.electricity = rate.electricity_per_kwh ? "energy is unavailable: " + s.energy.reason
                                               : "no price of electricity is given";
  }
  if (!cost.total) {
    why.total = cost.machine && cost.electricity
                    ? "the machine and its electricity are priced in two currencies"
                    : why.machine + ", and " + why.electricity;
  }
  return why;
}

}  // namespace

CostReasons add_cost(Summary& s, const SummaryInput& input,
                     const std::vector<MeasuredRequest>& requests, Duration busy) {
  CostReasons why;
  s.cost_rule = input.cost_rule;
  switch (input.cost_rule.kind) {
    case CostRule::Kind::none:
      why.total = why.machine = why.electricity =
          "no price or machine rate is given for this target";
      break;
    case CostRule::Kind::tokens:
      why.total = add_token_cost(s, input, requests);
      why.machine = why.electricity = "this target is priced by tokens";
      break;
    case CostRule::Kind::machine:
      why = add_machine_cost(s, input.cost_rule.machine, busy);
      break;
  }
  if (!s.cost_total) return why;
  s.cost_currency = s.cost_total->currency;
  const double total = to_double(*s.cost_total);
  const double input_tokens = static_cast<double>(s.input_tokens.value_or(0));
  const double output_tokens = static_cast<double>(s.output_tokens.value_or(0));
  if (s.output_tokens && output_tokens > 0)
    s.cost_per_1m_output_tokens = total / output_tokens * 1e6;
  if (s.input_tokens && s.output_tokens && input_tokens + output_tokens > 0) {
    s.cost_per_1m_tokens = total / (input_tokens + output_tokens) * 1e6;
  }
  if (s.n_ok > 0) s.cost_per_1k_tasks = total / s.n_ok * 1000;
  if (s.n_correct > 0) s.cost_per_correct = total / s.n_correct;
  return why;
}

}  // namespace pennyweight
