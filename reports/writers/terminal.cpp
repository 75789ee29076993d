// The report on a terminal: the headline table, split into stacked blocks where it is too wide,
// then what limits it and where to read on.
#include <algorithm>

#include "metrics/base/utf8.h"
#include "reports/writers/headline.h"
#include "reports/writers/writer.h"

namespace pennyweight {
namespace {

constexpr int kGap = 2;  // blanks between columns

enum class Style { bold, dim, warning };

class Page {
 public:
  explicit Page(const WriteOptions& options) : options_(options) {}

  // One line of blank-separated words, broken at `columns`; later lines start at `indent`.
  void wrapped(std::string_view first, std::string_view text, int indent) {
    std::string line(first);
    bool empty = true;
    const auto flush = [&] {
      out += line + "\n";
      line.assign(static_cast<std::size_t>(indent), ' ');
      empty = true;
    };
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      const std::string_view word = text.substr(at, end - at);
      at = end + 1;
      if (word.empty()) continue;
      if (!empty && display_width(line) + 1 + display_width(word) > options_.terminal_columns)
        flush();
      line += (empty ? "" : " ") + std::string(word);
      empty = false;
    }
    if (!empty) flush();
  }

  std::string styled(const std::string& text, Style style) const {
    if (!options_.colour) return text;
    const char* code = style == Style::bold ? "1" : style == Style::dim ? "2" : "33";
    return "\x1b[" + std::string(code) + "m" + text + "\x1b[0m";
  }
  void heading(const std::string& text) { out += "\n" + styled(text, Style::bold) + "\n"; }
  std::string rule(int width) const {
    std::string line;
    for (int i = 0; i < width; ++i) line += options_.ascii ? "-" : "─";
    return styled(line, Style::dim);
  }

  std::string out;

 private:
  const WriteOptions& options_;
};

std::string padded(const std::string& text, int width, bool right) {
  const std::string blanks(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
  return right ? blanks + text : text + blanks;
}

// Which columns stand side by side: identity columns are repeated at the left of every block.
struct Layout {
  std::vector<int> widths;
  std::vector<std::vector<std::size_t>> blocks;
};

Layout lay_out(Headline& headline, int columns) {
  Layout layout;
  std::vector<std::size_t> identity;
  for (std::size_t i = 0; i < headline.headings.size(); ++i) {
    const auto& heading = headline.headings[i];
    int width = display_width(heading.title);
    for (auto& row : headline.rows) {
      // Long names must leave room for the numbers beside them.
      if (heading.identity) row[i] = fit_width(row[i], std::max(8, columns / 4));
      width = std::max(width, display_width(row[i]));
    }
    layout.widths.push_back(width);
    if (heading.identity) identity.push_back(i);
  }
  int left = 0, used = 0;
  for (const std::size_t i : identity) left += layout.widths[i] + kGap;
  for (std::size_t i = 0; i < headline.headings.size(); ++i) {
    if (headline.headings[i].identity) continue;
    const int width = layout.widths[i];
    if (layout.blocks.empty() || used + width > columns) {
      layout.blocks.push_back(identity);
      used = left;
    }
    layout.blocks.back().push_back(i);
    used += width + kGap;
  }
  if (layout.blocks.empty()) layout.blocks.push_back(identity);
  return layout;
}

void print_block(Page& page, const Headline& headline, const Layout& layout,
                 const std::vector<std::size_t>& block) {
  const auto line = [&](const auto& cell) {
    std::string out;
    for (const std::size_t i : block) {
      if (!out.empty()) out += std::string(kGap, ' ');
      out += padded(cell(i), layout.widths[i], headline.headings[i].number);
    }
    return out.substr(0, out.find_last_not_of(' ') + 1);
  };
  const std::string titles = line([&](std::size_t i) { return headline.headings[i].title; });
  int width = -kGap;
  for (const std::size_t i : block) width += layout.widths[i] + kGap;
  page.out += "\n" + page.styled(titles, Style::bold) + "\n" + page.rule(width) + "\n";
  for (const auto& row : headline.rows) {
    page.out += line([&](std::size_t i) { return row[i]; }) + "\n";
  }
}

void print_header(Page& page, const Report& report) {
  int width = 0;
  for (const auto& [key, value] : report.header) width = std::max(width, display_width(key));
  for (const auto& [key, value] : report.header) {
    page.wrapped(padded(safe_line(key), width, false) + "  ", safe_line(value), width + 2);
  }
}

}  // namespace

std::string write_terminal(const Report& report, const WriteOptions& options) {
  Page page(options);
  page.out = page.styled(fit_width(safe_line(report.title), options.terminal_columns), Style::bold);
  page.out += "\n";
  print_header(page, report);
  Headline shown = headline(report.summary);
  const Layout layout = lay_out(shown, options.terminal_columns);
  for (const auto& block : layout.blocks) print_block(page, shown, layout, block);
  if (!shown.notes.empty()) page.out += "\n";
  for (const std::string& note : shown.notes) page.wrapped("-  ", note, 3);
  if (!report.warnings.empty()) page.heading("Warnings");
  for (const Warning& warning : report.warnings) {
    page.wrapped(page.styled("!", Style::warning) + "  ", safe_line(warning.what), 3);
    page.wrapped("   ", safe_line(warning.advice), 3);
  }
  if (!report.assumptions.empty()) page.heading("Assumptions");
  for (const std::string& line : report.assumptions) page.wrapped("*  ", safe_line(line), 3);
  page.out += "\nEvery request, as a workbook: pennyweight report " + safe_line(report.database) +
              " -o report.xlsx\n";
  return std::move(page.out);
}

}  // namespace pennyweight
