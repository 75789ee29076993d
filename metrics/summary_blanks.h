// Why figures of a Summary are empty, in plain words. For summary.cpp.
#pragma once

#include "metrics/summary.h"
#include "metrics/summary_cost.h"

namespace pennyweight {

// Appends to s.blanks one line for each column of the summary table that has no figure.
void explain_blanks(Summary& s, const CostReasons& cost);

}  // namespace pennyweight
