// The `environment` table: what a run was, on what, with which targets, tasks and prices, as long
// key-value rows.
#pragma once

#include <vector>

#include "metrics/store.h"
#include "reports/table.h"

namespace pennyweight {

struct RunFacts {
  RunInfo run;
  std::vector<CellInfo> cells;
  std::vector<Sitting> sittings;
  std::vector<PriceRow> prices;
  std::vector<EnergySourceInfo> energy_sources;
};

Table environment_table();  // empty, with all columns
void add_environment(const RunFacts& facts, Table& table);

}  // namespace pennyweight
