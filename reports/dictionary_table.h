// The `dictionary` table: every column of the other tables, with unit and meaning.
#pragma once

#include <span>

#include "reports/table.h"

namespace pennyweight {

Table dictionary_table(std::span<const Table* const> tables);

}  // namespace pennyweight
