// What makes numbers doubtful. A closed list of codes: docs/reports.md.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "metrics/summary.h"
#include "reports/environment_table.h"
#include "reports/pricing.h"
#include "reports/report.h"

namespace pennyweight {

// Warnings that differ only in whom they are about become one.
class WarningList {
 public:
  void add(Warning warning, std::string about = {});
  std::vector<Warning> take();  // "what: about, about"; severe ones first

 private:
  struct Entry {
    Warning warning;
    std::vector<std::string> about;
  };
  std::vector<Entry> entries_;
};

struct DoubtfulCell {
  const std::string& label;  // what identifies the row, "demo-small"
  const Summary& summary;
  const Pricing& pricing;
  const std::set<std::string>& models_served;
  int n_in_flight = 0;  // found again after the program died
};

void warn_about_run(const RunFacts& facts, WarningList& warnings);
// Gives the codes, joined by ";".
std::string warn_about_cell(const DoubtfulCell& cell, WarningList& warnings);

}  // namespace pennyweight
