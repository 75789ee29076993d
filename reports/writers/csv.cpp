// Comma- and tab-separated tables. Commas are for machines: nothing is altered but control
// characters, which are dropped, and what is not UTF-8. Tabs are for pasting into a sheet: one line
// a row, and text that a spreadsheet would take for a formula gets an apostrophe.
#include "metrics/base/utf8.h"
#include "reports/writers/writer.h"

namespace pennyweight {
namespace {

// printable(), but tabs and line breaks stay.
std::string without_controls(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t at = text.find_first_of("\t\n\r");
    out += printable(text.substr(0, at));
    if (at == std::string_view::npos) break;
    out += text[at];
    text.remove_prefix(at + 1);
  }
  return out;
}

// RFC 4180: quotes around what would be read otherwise; outer blanks are quoted too, since some
// readers trim them.
std::string quoted(const std::string& text) {
  if (text.empty()) return text;
  const bool plain = text.find_first_of(",\"\r\n") == std::string::npos && text.front() != ' ' &&
                     text.back() != ' ';
  if (plain) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

// OWASP's list, and the full-width forms of = + - @.
bool looks_like_formula(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return false;
  text.remove_prefix(first);
  for (const std::string_view start :
       {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"}) {
    if (text.substr(0, start.size()) == start) return true;
  }
  return false;
}

std::string encoded(const Cell& cell, const Column& column, char separator) {
  const auto* text = std::get_if<std::string>(&cell);
  if (text == nullptr) return cell_text(cell, column);
  const std::string clean = without_controls(*text);
  if (separator != '\t') return quoted(clean);
  const std::string line = printable(clean);
  return looks_like_formula(clean) || looks_like_formula(line) ? "'" + line : line;
}

}  // namespace

std::string write_csv(const Table& table, char separator) {
  std::string out;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += separator;
    out += table.columns[i].key;
  }
  out += '\n';
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += separator;
      out += encoded(row[i], table.columns[i], separator);
    }
    out += '\n';
  }
  return out;
}

}  // namespace pennyweight
