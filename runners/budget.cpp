#include "runners/budget.h"

namespace pennyweight {

Usage usage_bound(const Request& request) {
  constexpr std::int64_t kPerMessage = 16;
  const auto* messages = std::get_if<std::vector<Message>>(&request.prompt);
  const auto count = messages != nullptr ? static_cast<std::int64_t>(messages->size()) : 1;
  Usage out;
  out.input_tokens = input_bytes(request) + kPerMessage * count;
  out.output_tokens = request.generation.max_tokens;
  return out;
}

Money cost_bound(const Pricing& pricing, const Usage& bound) {
  if (pricing.rule.kind != CostRule::Kind::tokens || !pricing.row) return {};
  return token_cost(bound, *pricing.row).value_or(Money{});
}

Money cost_spent(const Pricing& pricing, const RequestRecord& record, Money bound) {
  if (pricing.rule.kind == CostRule::Kind::machine && record.sent && record.done) {
    // Electricity is known only after the run; a cap on money is about what is billed by the hour.
    return machine_cost(pricing.rule.machine, *record.done - *record.sent, std::nullopt)
        .machine.value_or(Money{});
  }
  if (pricing.rule.kind != CostRule::Kind::tokens || !pricing.row) return {};
  if (const auto exact = token_cost(record.usage, *pricing.row)) return *exact;
  if (!record.sent || record.http_status >= 400) return {0, bound.currency};
  return bound;
}

bool Budget::reserve(Money bound) {
  if (!cap_) return true;
  const auto after = add(committed_, bound.pico == 0 ? Money{0, committed_.currency} : bound);
  if (!after || after->pico > cap_->pico) return false;
  committed_ = *after;
  return true;
}

void Budget::settle(Money bound, Money spent) {
  if (cap_) committed_.pico += spent.pico - bound.pico;
}

}  // namespace pennyweight
