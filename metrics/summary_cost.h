// What a cell cost, by its cost rule. For summary.cpp.
#pragma once

#include <string>
#include <vector>

#include "metrics/measured_requests.h"
#include "metrics/summary.h"

namespace pennyweight {

// Why a figure is empty; empty where it is not.
struct CostReasons {
  std::string total, machine, electricity;
};

// Needs the counts, volume and energy of `s`.
CostReasons add_cost(Summary& s, const SummaryInput& input,
                     const std::vector<MeasuredRequest>& requests, Duration busy);

}  // namespace pennyweight
