// Which price a target's tokens have, and how that is said.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/cost.h"
#include "metrics/price_book.h"
#include "metrics/store.h"
#include "reports/environment_table.h"
#include "reports/report.h"

namespace pennyweight {

// A price row that was in force when requests of a cell were sent.
struct UsedPrice {
  PriceRow row;
  std::string day;  // YYYY-MM-DD, UTC: the last one that it is used for
  // The last day on which it is known to have held: that of the book's newest check while the row
  // is in force in it, else its first day.
  std::string checked;
};

struct Pricing {
  CostRule rule;
  std::vector<UsedPrice> used;  // oldest first; none where the rule needs none
  bool complete = true;         // false: for a day of the requests no price is known
  const PriceRow* of_day(const std::string& day) const;  // null: unknown
};

// The UTC day whose prices a request has: that on which it was sent, or the price date.
std::string price_day(const RunFacts& facts, const RequestRecord& record,
                      const ReportOptions& options);

// The rule stored with the cell and, for each request, the price row stored with the run that was
// in force on its day; with a price book, the row in force there. A cell without requests has the
// day of its run. An error when the stored rule is damaged.
Result<Pricing> price_cell(const RunFacts& facts, const CellInfo& cell,
                           std::span<const RequestRecord> records, const ReportOptions& options);

// The rule with the name of its target, for the assumptions.
std::string in_words(const std::string& target, const Pricing& pricing);

// "stored with the run", or what was used instead.
std::string prices_in_words(const ReportOptions& options);

// An error of usage where it is not a date.
Result<void> check_price_date(const ReportOptions& options);

std::string date_of(UnixTime time);  // YYYY-MM-DD, UTC
// Days from one YYYY-MM-DD to another; empty when one is not a date.
std::optional<int> days_between(const std::string& from, const std::string& to);

}  // namespace pennyweight
