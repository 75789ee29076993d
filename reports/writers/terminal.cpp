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

  // One line of blank-separated words, broken at `columns`. `first` is `indent` wide, whatever
  // escapes it holds; later lines start with as many blanks.
  void wrapped(std::string_view first, std::string_view text, int indent) {
    std::string line(first);
    int width = indent;
    bool empty = true;
    const auto flush = [&] {
      out += line + "\n";
      line.assign(static_cast<std::size_t>(indent), ' ');
      width = indent;
      empty = true;
    };
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find(' ', at), text.size());
      const std::string_view word = text.substr(at, end - at);
      at = end + 1;
      if (word.empty()) continue;
      if (!empty && width + 1 + display_width(word) > options_.terminal_columns) flush();
      line += (empty ? "" : " ") + std::string(word);
      width += (empty ? 0 : 1) + display_width(word);
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

// A heading wider than its cells stands on two lines, broken where that is narrowest: an empty
// first line and the whole otherwise.
std::pair<std::string, std::string> broken(const std::string& title, int cell_width) {
  std::pair<std::string, std::string> best{"", title};
  int width = display_width(title);
  if (width <= cell_width) return best;
  for (std::size_t at = title.find(' '); at != std::string::npos; at = title.find(' ', at + 1)) {
    const std::string upper = title.substr(0, at), lower = title.substr(at + 1);
    const int wider = std::max(display_width(upper), display_width(lower));
    if (wider < width) {
      width = wider;
      best = {upper, lower};
    }
  }
  return best;
}

// Which columns stand side by side.
struct Layout {
  struct Column {
    std::pair<std::string, std::string> title;
    int width = 0;
    bool right = false;
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::size_t>> blocks;
};

bool is_constant(const Headline& headline, std::size_t column) {
  return std::all_of(headline.rows.begin(), headline.rows.end(),
                     [&](const auto& row) { return row[column] == headline.rows.front()[column]; });
}

// Each block after the first begins with the columns that tell the rows apart.
Layout lay_out(Headline& headline, int columns) {
  Layout layout;
  std::vector<std::size_t> repeated;
  for (std::size_t i = 0; i < headline.headings.size(); ++i) {
    const auto& heading = headline.headings[i];
    int width = 0;
    for (auto& row : headline.rows) {
      // Long names must leave room for the numbers beside them.
      if (heading.identity) row[i] = fit_width(row[i], std::max(8, columns / 4));
      width = std::max(width, display_width(row[i]));
    }
    const auto title = broken(heading.title, width);
    width = std::max({width, display_width(title.first), display_width(title.second)});
    layout.columns.push_back({title, width, heading.number});
    const bool tells_apart = headline.rows.size() > 1 && !is_constant(headline, i);
    if (heading.identity && (tells_apart || repeated.empty())) repeated.push_back(i);
  }
  // Of a column and those that are joined to it.
  const auto width_from = [&](std::size_t i) {
    int width = layout.columns[i].width;
    if (headline.headings[i].joined) return width;
    while (++i < layout.columns.size() && headline.headings[i].joined) {
      width += kGap + layout.columns[i].width;
    }
    return width;
  };
  int used = columns + 1;
  for (std::size_t i = 0; i < layout.columns.size(); ++i) {
    if (used + width_from(i) > columns) {
      const bool first = layout.blocks.empty();
      layout.blocks.push_back(first ? std::vector<std::size_t>() : repeated);
      used = 0;
      for (const std::size_t k : layout.blocks.back()) used += layout.columns[k].width + kGap;
    }
    layout.blocks.back().push_back(i);
    used += layout.columns[i].width + kGap;
  }
  return layout;
}

void print_block(Page& page, const Headline& headline, const Layout& layout,
                 const std::vector<std::size_t>& block) {
  const auto line = [&](const auto& cell) {
    std::string out;
    for (const std::size_t i : block) {
      const Layout::Column& column = layout.columns[i];
      if (i != block.front()) out += std::string(kGap, ' ');
      out += padded(cell(i), column.width, column.right);
    }
    return out.substr(0, out.find_last_not_of(' ') + 1);
  };
  const std::string upper = line([&](std::size_t i) { return layout.columns[i].title.first; });
  const std::string lower = line([&](std::size_t i) { return layout.columns[i].title.second; });
  int width = -kGap;
  for (const std::size_t i : block) width += layout.columns[i].width + kGap;
  page.out += "\n";
  if (!upper.empty()) page.out += page.styled(upper, Style::bold) + "\n";
  page.out += page.styled(lower, Style::bold) + "\n" + page.rule(width) + "\n";
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

void print_warnings(Page& page, const Report& report, bool severe) {
  for (const Warning& warning : report.warnings) {
    if (warning.severe != severe) continue;
    page.wrapped(page.styled("!", Style::warning) + "  ", safe_line(warning.what), 3);
    page.wrapped("   ", safe_line(warning.advice), 3);
  }
}

}  // namespace

std::string write_terminal(const Report& report, const WriteOptions& options) {
  Page page(options);
  page.out = page.styled(fit_width(safe_line(report.title), options.terminal_columns), Style::bold);
  page.out += "\n";
  print_header(page, report);
  const auto is_severe = [](const Warning& warning) { return warning.severe; };
  const auto mild = std::find_if_not(report.warnings.begin(), report.warnings.end(), is_severe);
  if (mild != report.warnings.begin()) page.out += "\n";
  print_warnings(page, report, true);
  Headline shown = headline(report.summary);
  const Layout layout = lay_out(shown, options.terminal_columns);
  for (const auto& block : layout.blocks) print_block(page, shown, layout, block);
  if (!report.comparisons.empty()) page.out += "\n";
  for (const std::string& line : report.comparisons) page.wrapped("=  ", safe_line(line), 3);
  if (!shown.notes.empty()) page.out += "\n";
  for (const std::string& note : shown.notes) page.wrapped("-  ", note, 3);
  if (mild != report.warnings.end()) page.heading("Warnings");
  print_warnings(page, report, false);
  if (!report.assumptions.empty()) page.heading("Assumptions");
  for (const std::string& line : report.assumptions) page.wrapped("*  ", safe_line(line), 3);
  page.out += "\n";
  page.wrapped("",
               "Every request, as a workbook: pennyweight report " + safe_line(report.database) +
                   " -o report.xlsx",
               0);
  return std::move(page.out);
}

}  // namespace pennyweight
