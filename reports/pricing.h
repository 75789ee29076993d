// Which price a target's tokens have, and how that is said.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "metrics/cost.h"
#include "metrics/price_book.h"
#include "metrics/store.h"
#include "reports/report.h"

namespace pennyweight {

struct Pricing {
  CostRule rule;
  std::optional<PriceRow> price;  // empty where the rule needs none, or where none is known
  std::string date;               // YYYY-MM-DD whose price was asked for
  // The last day on which `price` is known to have held: that of the book's newest check while the
  // row is in force in it, else its first day.
  std::string checked;
};

// The rule stored with the cell and the price row stored with the run; with a price date or book,
// the row in force then and there. An error when the stored rule is damaged.
Result<Pricing> price_cell(const RunInfo& run, const CellInfo& cell,
                           std::span<const PriceRow> stored, const ReportOptions& options);

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
