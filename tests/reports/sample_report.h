// A report made by hand, with the real columns, for the writers' tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "reports/report.h"

namespace pennyweight::test {

// Two targets, one of them with a Korean name, a blank with its reason and an interval.
Report sample_report();

// Appends a row to `table`; columns that are not named stay blank.
void add_row(Table& table, const std::vector<std::pair<std::string, Cell>>& cells);

// One text column "text" with these cells: what model output looks like to a writer.
Table text_table(const std::vector<std::string>& cells);

}  // namespace pennyweight::test
