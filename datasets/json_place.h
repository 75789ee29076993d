// Where in a JSON text a value stands, so that an error can name file, line and column. Parsed
// values do not carry positions; this looks one up again when something is wrong.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"
#include "metrics/base/text_template.h"

namespace pennyweight {

// A whole document, or one line of it. The text must outlive this.
struct SourceText {
  std::string name;  // the path, or what stands for it
  std::string_view text;
  std::size_t line = 1;  // where `text` begins in the document
};

// Keys and decimal indices from the root down: {"prompt", "few_shot", "k"}.
using JsonPath = std::vector<std::string>;

// Byte offset of the key (or list element) at the end of `path`; of the innermost value on the way
// when it is not there. `json` is well-formed.
std::size_t offset_of(std::string_view json, const JsonPath& path);

// "rows.jsonl:12:5". Columns count characters from 1.
std::string place(const SourceText& source, std::size_t offset);

// Checks UTF-8, then parses; an error begins with its place.
Result<Value> parse_json_source(const SourceText& source);

}  // namespace pennyweight
