// The report as a workbook for people: native types, so nothing depends on a locale or is taken for
// a formula. The library takes some values that make a file unreadable, so every value is cleaned
// before and every answer of the library is checked.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <xlsxwriter.h>

#include "metrics/base/file_io.h"
#include "metrics/base/utf8.h"
#include "reports/writers/writer.h"

namespace pennyweight {
namespace {

constexpr std::size_t kMostCharacters = 32'000;  // the format ends at 32,767
constexpr std::size_t kMostRows = 1'048'575;     // of a sheet, below its header
constexpr std::size_t kMostCellsInMemory = 200'000;
constexpr int kWidest = 60;  // characters

// Valid, without controls, and short enough. Line breaks stay: a cell may have several lines.
std::string cell_string(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t at = text.find('\n');
    out += printable(text.substr(0, at));
    if (at == std::string_view::npos) break;
    out += '\n';
    text.remove_prefix(at + 1);
  }
  if (out.size() <= kMostCharacters) return out;  // never more characters than bytes
  std::string cut;
  std::size_t units = 0;  // UTF-16, as the format counts
  for (const char32_t c : code_points(out)) {
    units += c > 0xFFFF ? 2 : 1;
    if (units > kMostCharacters) return cut + "... [truncated]";
    append_utf8(cut, c);
  }
  return cut;
}

// Frees what was not closed. Remembers the first refusal of the library.
class Workbook {
 public:
  Workbook(const std::filesystem::path& path, bool constant_memory)
      : directory_(path.has_parent_path() ? path.parent_path().string() : ".") {
    lxw_workbook_options options{};
    options.constant_memory = constant_memory ? LXW_TRUE : LXW_FALSE;
    options.tmpdir = directory_.data();  // the one place that is known to be writable
    book_ = workbook_new_opt(path.c_str(), &options);
    if (book_ == nullptr) note(LXW_ERROR_MEMORY_MALLOC_FAILED);
  }
  Workbook(const Workbook&) = delete;
  Workbook& operator=(const Workbook&) = delete;
  ~Workbook() {
    if (book_ != nullptr) lxw_workbook_free(book_);
  }

  bool good() const { return error_ == LXW_NO_ERROR; }
  void note(lxw_error error) {
    if (error_ == LXW_NO_ERROR) error_ = error;
  }
  // Null after a refusal.
  lxw_worksheet* add_sheet(const std::string& name) {
    lxw_worksheet* sheet = good() ? workbook_add_worksheet(book_, name.c_str()) : nullptr;
    if (sheet == nullptr) note(LXW_ERROR_MEMORY_MALLOC_FAILED);
    return sheet;
  }
  lxw_format* add_format(const std::string& number_format, bool bold = false) {
    lxw_format* format = good() ? workbook_add_format(book_) : nullptr;
    if (format == nullptr) {
      note(LXW_ERROR_MEMORY_MALLOC_FAILED);
      return nullptr;
    }
    if (!number_format.empty()) format_set_num_format(format, number_format.c_str());
    if (bold) format_set_bold(format);
    return format;
  }
  // The same runs give the same bytes only with a date that is theirs.
  void set_properties(std::string title, UnixTime created) {
    if (!good()) return;
    lxw_doc_properties properties{};
    properties.title = title.data();
    properties.created = std::chrono::system_clock::to_time_t(
        std::chrono::time_point_cast<std::chrono::system_clock::duration>(created));
    note(workbook_set_properties(book_, &properties));
  }
  // workbook_close frees the book, whatever it answers.
  Result<void> close(const std::filesystem::path& path) {
    if (good()) note(workbook_close(std::exchange(book_, nullptr)));
    if (good()) return {};
    return fail(ErrorKind::io, "cannot write \"" + path.string() + "\"", lxw_strerror(error_),
                "check the free space and the permissions of its directory");
  }

 private:
  std::string directory_;
  lxw_workbook* book_ = nullptr;
  lxw_error error_ = LXW_NO_ERROR;
};

// A column's number format, "0.000", and its width so far.
struct Style {
  lxw_format* format = nullptr;
  int width = 0;
};

std::string number_format(const Column& column) {
  switch (column.type) {
    case CellType::text:
      return "@";
    case CellType::date:
      return "yyyy-mm-dd hh:mm:ss.000";
    case CellType::integer:
    case CellType::boolean:
      return "0";
    case CellType::real:
      break;
  }
  // Fixed decimals, so that the points of a column stand above each other.
  const auto decimals = static_cast<std::size_t>(std::max(0, column.decimals));
  return decimals > 0 ? "0." + std::string(decimals, '0') : "0";
}

// Days since 1899-12-30, which is how the format keeps dates.
double serial_date(UnixTime time) {
  return std::round(to_milliseconds(time.time_since_epoch())) / 86'400'000.0 + 25'569.0;
}

// What is not finite stays blank: the library would write it, and readers would show 0.
lxw_error write_cell(lxw_worksheet* sheet, lxw_row_t row, lxw_col_t at, const Cell& cell,
                     lxw_format* format) {
  if (const auto* text = std::get_if<std::string>(&cell)) {
    const std::string clean = cell_string(*text);
    return clean.empty() ? LXW_NO_ERROR
                         : worksheet_write_string(sheet, row, at, clean.c_str(), format);
  }
  double value = NAN;
  if (const auto* integer = std::get_if<std::int64_t>(&cell)) value = static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&cell)) value = *real;
  if (const auto* flag = std::get_if<bool>(&cell)) value = *flag ? 1 : 0;
  if (const auto* date = std::get_if<UnixTime>(&cell)) value = serial_date(*date);
  if (!std::isfinite(value)) return LXW_NO_ERROR;
  return worksheet_write_number(sheet, row, at, value, format);
}

void write_sheet(Workbook& book, const Table& table, const std::string& name, std::size_t first,
                 std::size_t last) {
  lxw_worksheet* sheet = book.add_sheet(name);
  lxw_format* bold = book.add_format("", true);
  if (sheet == nullptr) return;
  std::vector<Style> styles;
  const auto column_at = [](std::size_t i) { return static_cast<lxw_col_t>(i); };
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    styles.push_back({book.add_format(number_format(column)), display_width(column.key)});
    book.note(worksheet_write_string(sheet, 0, column_at(i), column.key.c_str(), bold));
  }
  for (std::size_t r = first; r < last && book.good(); ++r) {
    const auto row = static_cast<lxw_row_t>(r - first + 1);
    for (std::size_t i = 0; i < styles.size(); ++i) {
      const Cell& cell = table.rows[r][i];
      book.note(write_cell(sheet, row, column_at(i), cell, styles[i].format));
      const std::string shown = cell_text(cell, table.columns[i]).substr(0, 4 * kWidest);
      styles[i].width = std::max(styles[i].width, display_width(shown));
    }
  }
  for (std::size_t i = 0; i < styles.size(); ++i) {
    const double width = std::min(styles[i].width, kWidest) * 1.1 + 2;  // 2: the filter's button
    book.note(worksheet_set_column(sheet, column_at(i), column_at(i), width, nullptr));
  }
  if (table.columns.empty()) return;
  worksheet_freeze_panes(sheet, 1, 1);
  book.note(worksheet_autofilter(sheet, 0, 0, static_cast<lxw_row_t>(last - first),
                                 column_at(table.columns.size() - 1)));
  worksheet_set_landscape(sheet);
  worksheet_fit_to_pages(sheet, 1, 0);
}

// A table longer than a sheet goes on in the next: "Requests", "Requests 2".
void write_table(Workbook& book, const Table& table, const std::string& name) {
  std::size_t first = 0;
  for (int number = 1; number == 1 || first < table.rows.size(); ++number) {
    const std::size_t last = std::min(table.rows.size(), first + kMostRows);
    write_sheet(book, table, number == 1 ? name : name + " " + std::to_string(number), first, last);
    first = last;
  }
}

// What a reader should know before the numbers.
Table readme(const Report& report) {
  Table out;
  out.columns = {{"about", "", CellType::text, 0, "", 0}, {"text", "", CellType::text, 0, "", 0}};
  const auto add = [&](const std::string& about, const std::string& text) {
    out.rows.push_back({about, text});
  };
  add("Title", report.title);
  for (const auto& [key, value] : report.header) add(key, value);
  for (const Warning& warning : report.warnings) {
    add("Warning", warning.what + (warning.advice.empty() ? "" : ": " + warning.advice));
  }
  for (const std::string& line : report.comparisons) add("Comparison", line);
  for (const std::string& line : report.assumptions) add("Assumption", line);
  for (const auto& blank : report.summary.blanks) {
    add("Blank", blank.column + " of " + blank.row + ": " + blank.reason);
  }
  return out;
}

// The library prints numbers with printf, so a host program's LC_NUMERIC would end up in the XML.
bool decimal_point_is_a_dot() {
  char text[8];
  std::snprintf(text, sizeof text, "%.1f", 1.5);
  return std::string_view(text) == "1.5";
}

}  // namespace

Result<void> write_xlsx(const Report& report, const std::filesystem::path& path) {
  if (!decimal_point_is_a_dot()) {
    return fail(ErrorKind::internal, "a workbook needs LC_NUMERIC to be C",
                "the process has set another locale");
  }
  const std::pair<const Table*, const char*> sheets[] = {{&report.summary, "Summary"},
                                                         {&report.requests, "Requests"},
                                                         {&report.environment, "Environment"},
                                                         {&report.dictionary, "Dictionary"}};
  std::size_t cells = 0;
  for (const auto& [table, name] : sheets) cells += table->rows.size() * table->columns.size();
  // Found here, because the library would report it on standard error.
  if (auto writable = probe_writable(path); !writable) return writable;
  return write_file_atomically(path, [&](const std::filesystem::path& temporary) {
    Workbook book(temporary, cells > kMostCellsInMemory);
    book.set_properties(cell_string(report.title), report.started);
    write_table(book, readme(report), "Readme");
    for (const auto& [table, name] : sheets) write_table(book, *table, name);
    return book.close(path);
  });
}

}  // namespace pennyweight
