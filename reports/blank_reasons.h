// Why figures of the summary are blank: a blank without a reason reads as a fault of the program.
#pragma once

#include <string>
#include <vector>

#include "reports/summary_table.h"

namespace pennyweight {

// Appends a blank with its reason for each empty cell whose reason is known; every headline
// column's is. `cells` are the row's, `label` is what identifies it.
void add_blanks(const SummaryRow& row, const std::vector<Cell>& cells, const std::string& label,
                Table& table);

}  // namespace pennyweight
