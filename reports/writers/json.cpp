// The whole report as one JSON document, for programs. One row a line; numbers as numbers with the
// decimals of their column, dates as text, blanks as null.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reports/writers/writer.h"

namespace pennyweight {
namespace {

// What is not UTF-8 becomes U+FFFD. Controls are escaped, those above ASCII too (some terminals
// obey them), so a listing of the file does nothing.
std::string quoted(const std::string& text) {
  using nlohmann::json;
  const std::string valid = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = [&](std::size_t at) {
      return at < valid.size() ? static_cast<unsigned char>(valid[at]) : 0U;
    };
    const bool high_control = byte(i) == 0xC2 && byte(i + 1) >= 0x80 && byte(i + 1) <= 0x9F;
    if (high_control) {
      out += fmt::format("\\u{:04x}", byte(++i));
    } else if (byte(i) == 0x7F) {
      out += "\\u007f";
    } else {
      out += valid[i];
    }
  }
  return out;
}

std::string encoded(const Cell& cell, const Column& column) {
  if (const auto* text = std::get_if<std::string>(&cell)) return quoted(*text);
  if (const auto* flag = std::get_if<bool>(&cell)) return *flag ? "true" : "false";
  const std::string text = cell_text(cell, column);
  if (text.empty()) return "null";
  return std::holds_alternative<UnixTime>(cell) ? quoted(text) : text;
}

// "name": [ items, one a line ]
template <class List, class Encode>
std::string array(std::string_view indent, std::string_view name, const List& list, Encode encode) {
  std::string out = std::string(indent) + "\"" + std::string(name) + "\": [";
  const char* separator = "\n";
  for (const auto& item : list) {
    out += separator + std::string(indent) + "  " + encode(item);
    separator = ",\n";
  }
  return out + (list.empty() ? "]" : "\n" + std::string(indent) + "]");
}

std::string encoded(const Table& table) {
  const std::string indent = "      ";
  std::string out = "    \"" + table.name + "\": {\n";
  out += indent + "\"title\": " + quoted(table.title) + ",\n";
  out += array(indent, "columns", table.columns, [](const Column& c) {
    return "{\"key\": " + quoted(c.key) + ", \"title\": " + quoted(c.title) + ", \"type\": \"" +
           std::string(to_text(c.type)) + "\"}";
  });
  out += ",\n" + array(indent, "rows", table.rows, [&](const std::vector<Cell>& row) {
           std::string line = "{";
           for (std::size_t i = 0; i < row.size(); ++i) {
             if (i > 0) line += ", ";
             line += quoted(table.columns[i].key) + ": " + encoded(row[i], table.columns[i]);
           }
           return line + "}";
         });
  out += ",\n" + array(indent, "blanks", table.blanks, [](const Table::Blank& blank) {
           return "{\"row\": " + quoted(blank.row) + ", \"column\": " + quoted(blank.column) +
                  ", \"reason\": " + quoted(blank.reason) + "}";
         });
  return out + "\n    }";
}

}  // namespace

std::string write_json(const Report& report) {
  std::string out = "{\n  \"title\": " + quoted(report.title) + ",\n";
  out += array("  ", "header", report.header, [](const auto& line) {
    return "{\"key\": " + quoted(line.first) + ", \"value\": " + quoted(line.second) + "}";
  });
  out += ",\n" + array("  ", "warnings", report.warnings, [](const Warning& warning) {
           return "{\"code\": " + quoted(warning.code) + ", \"what\": " + quoted(warning.what) +
                  ", \"advice\": " + quoted(warning.advice) +
                  ", \"severe\": " + (warning.severe ? "true" : "false") + "}";
         });
  out += ",\n" + array("  ", "assumptions", report.assumptions, quoted);
  out += ",\n" + array("  ", "comparisons", report.comparisons, quoted);
  out += ",\n  \"tables\": {\n";
  out += encoded(report.summary) + ",\n" + encoded(report.requests) + ",\n" +
         encoded(report.environment) + ",\n" + encoded(report.dictionary);
  return out + "\n  }\n}\n";
}

}  // namespace pennyweight
