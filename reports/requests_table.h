// The columns of the `requests` table: one row for each attempt, warm-up and failures included.
#pragma once

#include <optional>

#include "metrics/cost.h"
#include "metrics/record.h"
#include "metrics/store.h"
#include "reports/table.h"

namespace pennyweight {

struct RequestRow {
  const CellInfo& cell;
  const RequestRecord& record;
  std::int64_t number = 0;             // in its run, from 1
  bool final_attempt = true;           // of a measured request
  const Sitting* sitting = nullptr;    // null: no dates
  const StoredScore* score = nullptr;  // of the final attempt only
  std::optional<Money> cost = {};  // by tokens; a machine is paid by the hour, not by the request
};

// Empty, with all columns; `answers` adds what the models wrote.
Table requests_table(bool answers);
std::vector<Cell> request_cells(const RequestRow& row, bool answers);

}  // namespace pennyweight
