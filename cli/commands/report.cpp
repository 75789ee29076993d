#include "reports/report.h"

#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands/commands.h"
#include "cli/print.h"
#include "cli/wiring.h"
#include "metrics/base/file_io.h"
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

Result<ExitStatus> report(Options options) {
  if (auto distinct = check_outputs(options.store, options.outputs); !distinct) {
    return fail(distinct.error());
  }
  auto what = report_options(options);
  if (!what) return fail(what.error());
  auto store = StoreReader::open(options.store);
  if (!store) return fail(store.error());
  auto built = build_report(**store, *what);
  if (!built) return fail(built.error());
  if (built->table(options.write.table) == nullptr) {
    return fail(ErrorKind::usage, "no table \"" + options.write.table + "\"", "",
                "the tables are summary, requests, environment and dictionary");
  }
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
  command->add_option("RUN.db", options->store, "A stored run")->required();
  command->add_option("-o,--output", options->outputs,
                      "File to write: .csv .tsv .xlsx .md .json (repeatable)");
  command->add_option("--table", options->write.table, "summary, requests, environment, dictionary")
      ->capture_default_str();
  command->add_option("--format", options->format,
                      "To stdout: terminal (default), csv, tsv, md or json");
  command->add_option("--price-date", options->price_date,
                      "Use the prices of that day (YYYY-MM-DD) instead of the run's");
  command->add_option("--price-book", options->price_book, "Use this price book (JSON)");
  command->add_flag("--rescore", options->rescore, "Score the stored answers again");
  command->add_flag("--answers", options->answers, "Put the answers into the requests table");
  command->footer(
      "Examples:\n  pennyweight report run.db -o run.xlsx -o run.md\n"
      "  pennyweight report run.db --format csv --table requests > requests.csv");
  command->callback([options, &chosen] { chosen = [options] { return report(*options); }; });
}

}  // namespace pennyweight
