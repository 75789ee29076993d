#include "reports/writers/headline.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

constexpr const char* kBlank = "-";

// A headline column with the interval that stands behind it.
struct Source {
  std::size_t value;
  std::optional<std::size_t> low, high;
};

// The end of X's interval, if it is a headline column too.
std::optional<std::size_t> end_of_interval(const Table& table, const std::string& key) {
  const Column* column = table.column(key);
  if (column == nullptr || column->headline == 0) return std::nullopt;
  return static_cast<std::size_t>(column - table.columns.data());
}

bool is_end_of_interval(std::string_view key) {
  return key.find("_ci_low") != std::string_view::npos ||
         key.find("_ci_high") != std::string_view::npos;
}

bool is_constant(const Table& table, std::size_t column) {
  return std::all_of(table.rows.begin(), table.rows.end(),
                     [&](const auto& row) { return row[column] == table.rows.front()[column]; });
}

std::vector<Source> sources(const Table& table) {
  std::vector<Source> out;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    if (column.headline == 0 || is_end_of_interval(column.key)) continue;
    if (column.key == "load_point" && is_constant(table, i)) continue;
    out.push_back({i, end_of_interval(table, column.key + "_ci_low"),
                   end_of_interval(table, column.key + "_ci_high")});
  }
  std::stable_sort(out.begin(), out.end(), [&](const Source& a, const Source& b) {
    return table.columns[a.value].headline < table.columns[b.value].headline;
  });
  return out;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Three digits are what a reader compares.
std::string rounded(const Cell& cell, const Column& column) {
  const double* value = std::get_if<double>(&cell);
  if (value == nullptr) return safe_line(cell_text(cell, column));
  if (!ends_with(column.key, "_rate")) return significant(*value, 3, column.decimals);
  return significant(100 * *value, 3, column.decimals) + " %";
}

bool is_finite(const Cell& cell) {
  const double* value = std::get_if<double>(&cell);
  return value != nullptr && std::isfinite(*value);
}

// " of 100" behind a number of requests that is less than planned.
std::string of_planned(const Table& table, const std::vector<Cell>& row, const Column& column) {
  const Column* planned = table.column("n_planned");
  if (column.key != "n_requests" || planned == nullptr) return "";
  const Cell& cell = row[static_cast<std::size_t>(planned - table.columns.data())];
  const auto* of = std::get_if<std::int64_t>(&cell);
  const auto* n =
      std::get_if<std::int64_t>(&row[static_cast<std::size_t>(&column - table.columns.data())]);
  return of != nullptr && n != nullptr && *n < *of ? " of " + std::to_string(*of) : "";
}

std::string text_of(const Table& table, const std::vector<Cell>& row, const Source& source) {
  const Column& column = table.columns[source.value];
  // A value that is not finite is as blank as one that is not there; an infinity has no magnitude.
  const bool real = std::holds_alternative<double>(row[source.value]);
  std::string text =
      real && !is_finite(row[source.value]) ? "" : rounded(row[source.value], column);
  if (text.empty()) return kBlank;
  text += of_planned(table, row, column);
  if (source.low && source.high && is_finite(row[*source.low]) && is_finite(row[*source.high])) {
    text +=
        " [" + rounded(row[*source.low], column) + ", " + rounded(row[*source.high], column) + "]";
  }
  return text;
}

// Prices and what they rest on are read together.
bool is_price(std::string_view key) {
  return key.substr(0, 9) == "cost_usd_" || key == "price_basis";
}

template <class List>
std::string joined(const List& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

// One note a reason: which columns, and which rows unless it is all of them.
std::vector<std::string> notes(const Table& table, const std::vector<Source>& shown) {
  struct Note {
    std::vector<std::string> titles, rows;
  };
  std::vector<std::string> order;
  std::map<std::string, Note> by_reason;
  const auto add = [](std::vector<std::string>& list, const std::string& item) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  };
  for (const Source& source : shown) {
    const Column& column = table.columns[source.value];
    for (const auto& blank : table.blanks) {
      if (blank.column != column.key) continue;
      if (by_reason.find(blank.reason) == by_reason.end()) order.push_back(blank.reason);
      Note& note = by_reason[blank.reason];
      add(note.titles, column.title);
      add(note.rows, blank.row);
    }
  }
  std::vector<std::string> out;
  for (const std::string& reason : order) {
    const Note& note = by_reason[reason];
    std::string text = joined(note.titles);
    if (note.rows.size() < table.rows.size()) text += " of " + joined(note.rows);
    out.push_back(safe_line(text + ": " + reason));
  }
  return out;
}

}  // namespace

Headline headline(const Table& summary) {
  const std::vector<Source> shown = sources(summary);
  Headline out;
  bool identity = true;  // the columns before the first number
  bool price = false;    // the column before
  for (const Source& source : shown) {
    const Column& column = summary.columns[source.value];
    const bool number = column.type == CellType::real || column.type == CellType::integer;
    identity = identity && !number;
    const bool joined = price && is_price(column.key);
    price = is_price(column.key);
    out.headings.push_back({column.title, number, identity, joined});
  }
  for (const auto& row : summary.rows) {
    std::vector<std::string> cells;
    for (const Source& source : shown) cells.push_back(text_of(summary, row, source));
    out.rows.push_back(std::move(cells));
  }
  out.notes = notes(summary, shown);
  return out;
}

std::string safe_line(std::string_view text) {
  std::string out;
  const std::string clean = printable(text);
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const std::string_view rest = std::string_view(clean).substr(i);
    const bool word_start = i == 0 || clean[i - 1] == ' ';
    out += clean[i];
    // The runner trims blanks before it looks for "::", but finds "##[" anywhere.
    if (word_start && rest.substr(0, 2) == "::") out += ' ';
    if (rest.substr(0, 3) == "##[") {
      out += "# ";
      ++i;
    }
  }
  return out;
}

}  // namespace pennyweight
