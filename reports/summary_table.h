// The columns of the `summary` table and how a cell's Summary fills them.
#pragma once

#include <string>
#include <vector>

#include "metrics/store.h"
#include "metrics/summary.h"
#include "reports/pricing.h"
#include "reports/table.h"

namespace pennyweight {

// Version of all tables' columns: up when one changes its meaning, not when one is added.
inline constexpr std::int64_t kSchemaVersion = 1;

// Plain facts of a cell that Summary does not carry.
struct CellFacts {
  int n_timeout = 0, n_tasks = 0;
  std::string model_served, quantization;
};

struct SummaryRow {
  const RunInfo& run;
  const Summary& summary;
  const CellFacts& facts;
  const Pricing& pricing;
  std::string flags;  // codes of the cell's warnings, joined by ";"
};

// Empty, with all columns. With several runs the start date is a headline column.
Table summary_table(bool several_runs);
std::vector<Cell> summary_cells(const SummaryRow& row);

}  // namespace pennyweight
