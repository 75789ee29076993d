#include "datasets/builtin/table_arith.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "datasets/builtin/generator.h"

namespace pennyweight {
namespace {

constexpr std::array kRegions = {"Seoul", "Busan", "Daegu", "Incheon", "Jeju"};
constexpr std::array kProducts = {"pump", "valve", "gear", "bolt"};
constexpr std::array<std::size_t, kLevels> kRows = {8, 8, 10, 12};

template <std::size_t N>
std::string pick(Random& random, const std::array<const char*, N>& words) {
  return words[random.below(N)];
}

TableTask draw(Random& random, std::uint64_t level) {
  TableTask task;
  task.kind = static_cast<TableQuestion>(level - 1);
  for (std::size_t i = 0; i < kRows[level - 1]; ++i) {
    Sale sale{pick(random, kRegions), pick(random, kProducts), 0, 0};
    sale.units = static_cast<std::int64_t>(random.below(90)) + 10;
    sale.price = (static_cast<std::int64_t>(random.below(49)) + 2) * 10;
    task.sales.push_back(std::move(sale));
  }
  task.row = random.below(task.sales.size());
  task.price = random.below(2) == 1;
  task.product = pick(random, kProducts);
  task.region = pick(random, kRegions);
  return task;
}

std::optional<std::string> lookup(const TableTask& task) {
  const Sale& sale = task.sales[task.row];
  if (sale.units == sale.price) return std::nullopt;  // the wrong column would be right
  return std::to_string(task.price ? sale.price : sale.units);
}

// Of at least two rows and not of all, so that both adding and filtering are needed.
std::optional<std::string> filtered_sum(const TableTask& task) {
  std::int64_t sum = 0;
  std::size_t count = 0;
  for (const Sale& sale : task.sales) {
    if (sale.product != task.product) continue;
    sum += sale.units * sale.price;
    ++count;
  }
  if (count < 2 || count == task.sales.size()) return std::nullopt;
  return std::to_string(sum);
}

// No tie, at least three regions, and the best one has several rows.
std::optional<std::string> best_group(const TableTask& task) {
  std::array<std::int64_t, kRegions.size()> revenue{};
  std::array<int, kRegions.size()> rows{};
  for (const Sale& sale : task.sales) {
    const auto region = static_cast<std::size_t>(
        std::find(kRegions.begin(), kRegions.end(), sale.region) - kRegions.begin());
    revenue[region] += sale.units * sale.price;
    ++rows[region];
  }
  const auto best = std::max_element(revenue.begin(), revenue.end());
  const bool tie = std::count(revenue.begin(), revenue.end(), *best) > 1;
  const auto empty = std::count(rows.begin(), rows.end(), 0);
  if (tie || empty > 2 || rows[static_cast<std::size_t>(best - revenue.begin())] < 2) {
    return std::nullopt;
  }
  return std::to_string(*best);
}

// Of a region with at least three rows: neither none nor all of them, and no exact half to round.
std::optional<std::string> share_of_region(const TableTask& task) {
  std::int64_t part = 0, whole = 0;
  int part_rows = 0, rows = 0;
  for (const Sale& sale : task.sales) {
    if (sale.region != task.region) continue;
    const std::int64_t revenue = sale.units * sale.price;
    whole += revenue;
    ++rows;
    if (sale.product != task.product) continue;
    part += revenue;
    ++part_rows;
  }
  if (part_rows < 1 || rows < 3 || part_rows == rows) return std::nullopt;
  const std::int64_t twice = 2000 * part;
  if (twice % whole == 0 && twice / whole % 2 == 1) return std::nullopt;
  const std::int64_t tenths = (twice + whole) / (2 * whole);
  return fmt::format("{}.{}", tenths / 10, tenths % 10);
}

std::optional<std::string> answer_from_integers(const TableTask& task) {
  switch (task.kind) {
    case TableQuestion::lookup:
      return lookup(task);
    case TableQuestion::filtered_sum:
      return filtered_sum(task);
    case TableQuestion::best_group:
      return best_group(task);
    case TableQuestion::share_of_region:
      return share_of_region(task);
  }
  return std::nullopt;
}

std::string question_text(const TableTask& task) {
  switch (task.kind) {
    case TableQuestion::lookup:
      return fmt::format("What is the value of {} in the row with id {}?",
                         task.price ? "price" : "units", task.row + 1);
    case TableQuestion::filtered_sum:
      return fmt::format("What is the total revenue (units x price) of the product {}?",
                         task.product);
    case TableQuestion::best_group:
      return "Add up the revenue (units x price) of each region. What is the revenue of the region "
             "with the highest total?";
    case TableQuestion::share_of_region:
      return fmt::format(
          "What percentage of the revenue (units x price) of the region {} comes from the product "
          "{}? Round half up to one decimal.",
          task.region, task.product);
  }
  return {};
}

}  // namespace

std::string csv_of(const std::vector<Sale>& sales) {
  std::string out = "id,region,product,units,price";
  for (std::size_t i = 0; i < sales.size(); ++i) {
    out += fmt::format("\n{},{},{},{},{}", i + 1, sales[i].region, sales[i].product, sales[i].units,
                       sales[i].price);
  }
  return out;
}

Result<Value> make_table_arith_row(std::uint64_t seed, std::uint64_t row, Questions& asked) {
  Random random = row_stream(seed, 1, row);
  const std::uint64_t level = row % kLevels + 1;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const TableTask task = draw(random, level);
    const auto answer = answer_from_integers(task);
    if (!answer) continue;
    const std::string csv = csv_of(task.sales);
    const std::string question = question_text(task);
    if (!asked.insert(csv + question).second) continue;
    const auto again = answer_from_csv(csv, task);
    if (!again || *again != *answer) {
      return fail(ErrorKind::internal,
                  fmt::format("table_arith row {}: two computations disagree", row),
                  fmt::format("{} and {}", *answer, again.value_or("an error")));
    }
    Value out = generated_row("table_arith", row, level);
    Value vars;
    vars.set("table", csv);
    vars.set("question", question);
    out.set("vars", std::move(vars));
    out.set("target", *answer);
    return out;
  }
  return fail(ErrorKind::internal, fmt::format("table_arith row {}: no sound question", row));
}

}  // namespace pennyweight
