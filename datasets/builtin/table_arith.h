// table_arith: questions about a small table of sales. The answer of a question is computed from
// the integers that made the table (table_arith.cpp) and again from the text of the CSV
// (table_reader.cpp).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight {

struct Sale {
  std::string region, product;
  std::int64_t units = 0, price = 0;
};

enum class TableQuestion : std::uint8_t {
  lookup,           // the units or price of one row
  filtered_sum,     // the revenue of one product
  best_group,       // the highest revenue of a region
  share_of_region,  // product's share of a region's revenue, in percent with one decimal, half up
};

struct TableTask {
  TableQuestion kind = TableQuestion::lookup;
  std::vector<Sale> sales;  // row ids are 1, 2, ...
  std::size_t row = 0;      // lookup: the index in sales
  bool price = false;       // lookup: the price; else the units
  std::string product, region;
};

std::string csv_of(const std::vector<Sale>& sales);

// The second computation. Knows only the text and what is asked.
Result<std::string> answer_from_csv(std::string_view csv, const TableTask& asked);

}  // namespace pennyweight
