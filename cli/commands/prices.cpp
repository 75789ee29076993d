#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "metrics/base/clock.h"
#include "metrics/price_book.h"

namespace pennyweight {
namespace {

struct ListOptions {
  std::string filter, date;
};

std::string amount(const std::optional<Money>& money) {
  return money ? money_text(*money) : "";
}

Result<ExitStatus> list(const ListOptions& options) {
  const PriceBook& book = PriceBook::embedded();
  std::vector<std::vector<std::string>> rows{
      {"price key", "input", "cached", "output", "currency", "from", "verified", "source"}};
  for (const PriceRow& row : book.rows()) {
    if (row.key().find(options.filter) == std::string::npos) continue;
    if (!options.date.empty()) {
      const auto in_force = book.find(row.key(), options.date);
      if (!in_force || in_force->effective_from != row.effective_from) continue;
    }
    const auto& any = row.input_per_1m ? row.input_per_1m : row.output_per_1m;
    rows.push_back({row.key(), amount(row.input_per_1m), amount(row.cached_input_per_1m),
                    amount(row.output_per_1m), any ? std::string(any->currency.text()) : "",
                    row.effective_from, row.verified ? "yes" : "no", row.source});
  }
  if (rows.size() == 1) {
    return fail(ErrorKind::usage, "no price matches \"" + options.filter + "\"",
                options.date.empty() ? "" : "on " + options.date,
                "\"pennyweight prices list\" shows all of them");
  }
  print_columns(rows, {1, 2, 3});
  print_note("prices are for 1M tokens; newest check of the book: " + book.as_of());
  return ExitStatus::ok;
}

}  // namespace

void add_prices(CLI::App& app, Action& chosen) {
  auto* prices = app.add_subcommand("prices", "The dated price book");
  prices->require_subcommand(1);
  auto* command = prices->add_subcommand("list", "Prices per 1M tokens, with date and source");
  auto options = std::make_shared<ListOptions>();
  command->add_option("FILTER", options->filter, "Only keys that contain this, as in \"llama\"");
  command->add_option("--date", options->date, "Only rows in force on that day (YYYY-MM-DD)")
      ->check(calendar_day());
  command->footer("Example:\n  pennyweight prices list gpt-4o --date 2024-06-17");
  command->callback([options, &chosen] { chosen = [options] { return list(*options); }; });
}

}  // namespace pennyweight
