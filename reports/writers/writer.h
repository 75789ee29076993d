// One report, many formats. Every writer sanitises for its own sink: answers and names are
// untrusted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"
#include "reports/report.h"

namespace pennyweight {

enum class Format : std::uint8_t { terminal, csv, tsv, xlsx, markdown, json };

// From the extension; an unknown one is an error that lists the known.
Result<Format> format_of(const std::filesystem::path& path);
Result<Format> parse_format(std::string_view name);

struct WriteOptions {
  std::string table = "summary";  // csv, tsv: which table
  int terminal_columns = 100;
  bool colour = false;
  bool ascii = false;
};

// Same report, same bytes. Not for xlsx, which is a file only.
Result<std::string> write_text(const Report& report, Format format, const WriteOptions& options);
// To a temporary file, then renamed.
Result<void> write_report(const Report& report, const std::filesystem::path& path,
                          const WriteOptions& options);

// The formats, each in its own file.
std::string write_terminal(const Report&, const WriteOptions&);
std::string write_csv(const Table&, char separator);  // "data" dialect: UTF-8, LF, no BOM, RFC 4180
std::string write_markdown(const Report&);
std::string write_json(const Report&);
Result<void> write_xlsx(const Report&, const std::filesystem::path& path);

}  // namespace pennyweight
