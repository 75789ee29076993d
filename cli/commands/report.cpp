#include "reports/report.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/usage.h"
#include "cli/wiring.h"
#include "metrics/base/file_io.h"
#include "metrics/base/utf8.h"
#include "metrics/store.h"
#include "reports/writers/writer.h"

namespace pennyweight {
namespace {

struct Options {
  std::string store, format, price_date, price_book;
  std::vector<std::string> outputs;
  WriteOptions write;
  bool rescore = false, answers = false;
};

Result<ReportOptions> report_options(const Options& options) {
  ReportOptions out;
  out.rescore = options.rescore;
  out.answers = options.answers;
  out.database = options.store;
  out.requests = needs_requests(options.outputs, options.write.table) || options.format == "json";
  if (!options.price_date.empty()) out.price_date = options.price_date;
  if (!options.price_book.empty()) {
    auto bytes = read_file(options.price_book);
    if (!bytes) return fail(bytes.error());
    auto book = PriceBook::parse(*bytes);
    if (!book) return fail(book.error());
    out.price_book = std::move(*book);
  }
  return out;
}

// A table can only be chosen where one table is all there is.
Result<void> check_table(const Options& options, bool asked_for) {
  const std::vector<std::string> tables{"summary", "requests", "environment", "dictionary"};
  const std::string& table = options.write.table;
  if (std::find(tables.begin(), tables.end(), table) == tables.end()) {
    const std::string_view meant = nearest(table, tables);
    return fail(ErrorKind::usage, "no table \"" + table + "\"",
                "the tables are summary, requests, environment and dictionary",
                meant.empty() ? "name one of them" : "did you mean " + std::string(meant) + "?");
  }
  if (!asked_for) return {};
  std::vector<Format> formats;
  for (const std::string& output : options.outputs) formats.push_back(*format_of(output));
  if (!options.format.empty()) formats.push_back(*parse_format(options.format));
  const bool one_table = !formats.empty() &&
                         std::all_of(formats.begin(), formats.end(),
                                     [](Format f) { return f == Format::csv || f == Format::tsv; });
  if (one_table) return {};
  return fail(ErrorKind::usage, "--table " + table + " has no meaning for this format",
              "terminal and .md show the headline, .xlsx and .json hold every table",
              "write " + table + " as CSV or TSV: --format csv, or -o " + table + ".csv");
}

Result<void> check_options(const Options& options, bool table_asked_for) {
  if (auto file = refuse_directory(options.store, "run.db"); !file) return file;
  if (auto outputs = check_outputs(options.store, options.outputs); !outputs) return outputs;
  if (!options.format.empty()) {
    auto format = parse_format(options.format);
    if (!format) return fail(format.error());
    if (*format == Format::xlsx) {
      return fail(ErrorKind::usage, "a workbook cannot be written to standard output", "",
                  "give a file: -o report.xlsx");
    }
  }
  return check_table(options, table_asked_for);
}

Result<ExitStatus> report(Options options, bool table_asked_for) {
  if (auto checked = check_options(options, table_asked_for); !checked) {
    return fail(checked.error());
  }
  auto what = report_options(options);
  if (!what) return fail(what.error());
  auto store = StoreReader::open(options.store);
  if (!store) return fail(store.error());
  auto built = build_report(**store, *what);
  if (!built) return fail(built.error());
  for (const std::string& output : options.outputs) {
    if (auto written = write_report(*built, output, options.write); !written) {
      return fail(written.error());
    }
  }
  if (!options.outputs.empty() && options.format.empty()) return ExitStatus::ok;
  auto format =
      options.format.empty() ? Result<Format>(Format::terminal) : parse_format(options.format);
  if (!format) return fail(format.error());
  options.write.terminal_columns = terminal_columns();
  options.write.colour = want_colour();
  auto text = write_text(*built, *format, options.write);
  if (!text) return fail(text.error());
  print_text(*text);
  return ExitStatus::ok;
}

}  // namespace

void add_report(CLI::App& app, Action& chosen) {
  auto* command = app.add_subcommand("report", "Rebuild any report from a stored run; no new call");
  auto options = std::make_shared<Options>();
  command->add_option("RUN.db", options->store, "A stored run")->required()->check(not_empty());
  command
      ->add_option("-o,--output", options->outputs,
                   "File to write: .csv .tsv .xlsx .md .json (repeatable)")
      ->check(not_empty());
  const auto* table =
      command
          ->add_option(
              "--table", options->write.table,
              "Which table, in csv and tsv alone: summary, requests, environment, dictionary")
          ->capture_default_str();
  command->add_option("--format", options->format,
                      "To stdout: terminal (default), csv, tsv, md or json");
  command
      ->add_option("--price-date", options->price_date,
                   "Use the prices of that day (YYYY-MM-DD) instead of the run's")
      ->check(calendar_day());
  command->add_option("--price-book", options->price_book, "Use this price book (JSON)")
      ->check(not_empty());
  command->add_flag("--rescore", options->rescore, "Score the stored answers again");
  command->add_flag("--answers", options->answers, "Put the answers into the requests table");
  command->footer(
      "Examples:\n  pennyweight report run.db -o run.xlsx -o run.md\n"
      "  pennyweight report run.db --format csv --table requests > requests.csv");
  command->callback([options, table, &chosen] {
    chosen = [options, asked_for = table->count() > 0] { return report(*options, asked_for); };
  });
}

}  // namespace pennyweight
