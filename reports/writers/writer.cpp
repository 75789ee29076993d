#include "reports/writers/writer.h"

#include <algorithm>

#include "metrics/base/file_io.h"
#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

struct Name {
  std::string_view extension, name;
  Format format;
};
constexpr Name kNames[] = {
    {".csv", "csv", Format::csv},       {".tsv", "tsv", Format::tsv},
    {".xlsx", "xlsx", Format::xlsx},    {".md", "md", Format::markdown},
    {"", "markdown", Format::markdown}, {".json", "json", Format::json},
    {"", "terminal", Format::terminal},
};

const Name* named(const std::string& word, std::string_view Name::*field) {
  const auto found = std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& name) {
    return !(name.*field).empty() && name.*field == lower(word);
  });
  return found == std::end(kNames) ? nullptr : found;
}

std::vector<std::string> known(std::string_view Name::*field) {
  std::vector<std::string> out;
  for (const Name& name : kNames) {
    if (!(name.*field).empty()) out.emplace_back(name.*field);
  }
  return out;
}

std::string list(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// What to do about a word that is not known: the nearest one first.
std::string choose(std::string_view word, const std::vector<std::string>& words) {
  const std::string_view close = nearest(word, words);
  const std::string all = "choose one of " + list(words);
  return close.empty() ? all : "did you mean " + std::string(close) + "? Otherwise " + all;
}

Result<const Table*> chosen_table(const Report& report, const std::string& name) {
  if (const Table* table = report.table(name)) return table;
  return fail(ErrorKind::usage, "no table \"" + name + "\" in a report", "",
              choose(name, {"summary", "requests", "environment", "dictionary"}));
}

}  // namespace

Result<Format> format_of(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (const Name* name = named(extension, &Name::extension)) return name->format;
  return fail(ErrorKind::usage, "no format for \"" + path.string() + "\"",
              extension.empty() ? "the extension of the file picks the format, and there is none"
                                : "the extension of the file picks the format",
              choose(extension, known(&Name::extension)));
}

Result<Format> parse_format(std::string_view word) {
  if (const Name* name = named(std::string(word), &Name::name)) return name->format;
  return fail(ErrorKind::usage, "unknown format \"" + std::string(word) + "\"", "",
              choose(word, known(&Name::name)));
}

Result<std::string> write_text(const Report& report, Format format, const WriteOptions& options) {
  switch (format) {
    case Format::terminal:
      return write_terminal(report, options);
    case Format::markdown:
      return write_markdown(report);
    case Format::json:
      return write_json(report);
    case Format::csv:
    case Format::tsv: {
      const auto table = chosen_table(report, options.table);
      if (!table) return fail(table.error());
      return write_csv(**table, format == Format::csv ? ',' : '\t');
    }
    case Format::xlsx:
      break;
  }
  return fail(ErrorKind::usage, "a workbook cannot be written to standard output", "",
              "give a file: -o report.xlsx");
}

Result<void> write_report(const Report& report, const std::filesystem::path& path,
                          const WriteOptions& options) {
  const auto format = format_of(path);
  if (!format) return fail(format.error());
  if (*format == Format::xlsx) return write_xlsx(report, path);
  const auto text = write_text(report, *format, options);
  if (!text) return fail(text.error());
  return write_file_atomically(path, *text);
}

}  // namespace pennyweight
