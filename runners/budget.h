// What may still be spent. A request is let through only if the most it can cost fits under the
// cap.
#pragma once

#include <optional>

#include "metrics/cost.h"
#include "metrics/price_book.h"
#include "metrics/record.h"
#include "runners/target.h"

namespace pennyweight {

// The most tokens a request can use: input <= UTF-8 bytes + 16 a message, output <= max_tokens.
Usage usage_bound(const Request& request);

// One target's rule with the row in force. Amounts are in the cap's currency (open_experiment
// checks).
struct Pricing {
  CostRule rule;
  std::optional<PriceRow> row;
};
// The most these tokens can cost; 0 for a machine paid by the hour, whose time is not known before.
Money cost_bound(const Pricing& pricing, const Usage& bound);
// What an attempt cost. Where usage is missing: 0 when it was never sent or the server refused it
// (4xx, 5xx), else `bound`, since it may have been billed.
Money cost_spent(const Pricing& pricing, const RequestRecord& record, Money bound);

class Budget {
 public:
  Budget(std::optional<Money> cap, Money spent) : cap_(cap), committed_(spent) {}
  // False when `bound` would pass the cap: nothing is reserved then.
  bool reserve(Money bound);
  // The reservation ends; what was spent takes its place.
  void settle(Money bound, Money spent);

 private:
  std::optional<Money> cap_;
  Money committed_;  // spent and reserved
};

}  // namespace pennyweight
