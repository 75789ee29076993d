// Stored runs become something a person can decide from. Format-free: writers/ turn it into files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/base/result.h"
#include "metrics/price_book.h"
#include "metrics/store.h"
#include "metrics/summary.h"
#include "reports/table.h"

namespace pennyweight {

struct ReportOptions {
  std::optional<std::string>
      price_date;                       // recompute with the prices of that day; the header says so
  std::optional<PriceBook> price_book;  // recompute with this book; the header says so
  bool rescore = false;                 // score stored answers with this program's scorers
  bool answers = false;                 // put answers into the requests table
  bool requests = true;  // false leaves the requests table without rows and saves their memory
  std::string database = "RUN.db";  // what the hint "pennyweight report RUN.db -o ..." names
};

// Something that makes a number doubtful, and what to do about it.
struct Warning {
  std::string
      code;  // "few_samples": a closed list in docs/reports.md; also in the summary's `flags`
  std::string what, advice;
  bool severe = false;  // the figures mislead without it: said before them
};

struct Report {
  std::string title;
  std::string database;  // ReportOptions::database
  UnixTime started{};    // of the newest run: the date in a workbook's properties
  std::vector<std::pair<std::string, std::string>> header;  // "Run", "Machine", "Prices" ...
  std::vector<Warning> warnings;
  std::vector<std::string>
      assumptions;  // cost rules in words; "illustrative" is said here and in the table
  std::vector<std::string> comparisons;  // two targets side by side: ratio_line.h
  Table summary, requests, environment, dictionary;
  const Table* table(std::string_view name) const;  // null for an unknown name
};

// All runs of the file. Holds the records of one cell at a time, chunks and answers included, and
// what the requests table keeps of them. A price date that is none is an error of usage.
Result<Report> build_report(StoreReader& store, const ReportOptions& options);

}  // namespace pennyweight
