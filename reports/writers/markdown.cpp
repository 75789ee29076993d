// GitHub-flavoured Markdown: the headline table with what limits it, for issues and pull requests.
#include "reports/writers/headline.h"
#include "reports/writers/writer.h"

namespace pennyweight {
namespace {

// Text that Markdown shows as it is: no HTML, no link or picture, no cell or code border.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : safe_line(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '@':  // a name behind it would be told
        out += "&#64;";
        break;
      case '|':
      case '\\':
      case '`':
      case '*':
      case '_':
      case '~':
      case '[':
      case ']':
        out += '\\';
        [[fallthrough]];
      default:
        out += c;
    }
  }
  return out;
}

std::string table(const Headline& headline) {
  std::string out = "|", rule = "|";
  for (const auto& heading : headline.headings) {
    out += " " + escaped(heading.title) + " |";
    rule += heading.number ? "---:|" : "---|";
  }
  out += "\n" + rule + "\n";
  for (const auto& row : headline.rows) {
    out += "|";
    for (const std::string& cell : row) out += " " + escaped(cell) + " |";
    out += "\n";
  }
  return out;
}

std::string warnings(const Report& report, bool severe) {
  std::string out;
  for (const Warning& warning : report.warnings) {
    if (warning.severe != severe) continue;
    out += severe ? "- **Warning**: " : "- ";
    out += escaped(warning.what);
    out += warning.advice.empty() ? "\n" : ": " + escaped(warning.advice) + "\n";
  }
  return out;
}

}  // namespace

std::string write_markdown(const Report& report) {
  const Headline shown = headline(report.summary);
  std::string out = "# " + escaped(report.title) + "\n\n";
  const std::string severe = warnings(report, true), mild = warnings(report, false);
  out += severe + (severe.empty() ? "" : "\n") + table(shown);
  if (!report.comparisons.empty()) out += "\n";
  for (const std::string& line : report.comparisons) out += "- " + escaped(line) + "\n";
  if (!shown.notes.empty()) out += "\n";
  for (const std::string& note : shown.notes) out += "- **-** " + escaped(note) + "\n";
  if (!mild.empty()) out += "\n## Warnings\n\n" + mild;
  if (!report.assumptions.empty()) out += "\n## Assumptions\n\n";
  for (const std::string& line : report.assumptions) out += "- " + escaped(line) + "\n";
  if (!report.header.empty()) out += "\n## Where and when\n\n";
  for (const auto& [key, value] : report.header) {
    out += "- **" + escaped(key) + "**: " + escaped(value) + "\n";
  }
  return out;
}

}  // namespace pennyweight
