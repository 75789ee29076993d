// The `environment` table: what a run was, on what, with which targets, tasks and prices, as long
// key-value rows.
#pragma once

#include <map>
#include <set>
#include <string>
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
  std::map<std::string, std::set<std::string>> models_served;  // by target: named in its answers
};
// Of a sitting; one that recorded none was at the run's.
const Machine& machine_of(const RunFacts& facts, const Sitting& sitting);

Table environment_table();  // empty, with all columns
void add_environment(const RunFacts& facts, Table& table);

}  // namespace pennyweight
