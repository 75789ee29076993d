// Two targets side by side in one line, for people: ratios, no verdict.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "metrics/summary.h"

namespace pennyweight {

// "table_arith: demo-small costs 0.058x of demo-large per 1k tasks, quality 0.42 vs 0.45, TTFT p50
// 0.23x". Empty unless both costs are known in full and of one currency; a figure that one of them
// lacks is left out. `about` says what both were asked.
std::optional<std::string> ratio_line(const std::string& about, const Summary& first,
                                      const Summary& second);

// One such line for each task set and load point that exactly two cells of a run share, in their
// order. `when` tells runs of one file apart, or is empty.
std::vector<std::string> ratio_lines(const std::vector<Summary>& cells, const std::string& when);

}  // namespace pennyweight
