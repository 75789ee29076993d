// The few columns that people read first, as text: what the terminal and Markdown writers share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reports/table.h"

namespace pennyweight {

struct Headline {
  struct Heading {
    std::string title;
    bool number = false;    // right-aligned
    bool identity = false;  // says which row it is; repeated where a table is split
    bool joined = false;    // to the column before it: a table is split elsewhere if it can be
  };
  std::vector<Heading> headings;
  std::vector<std::vector<std::string>> rows;  // "-" where blank; safe for one line of a log
  std::vector<std::string> notes;              // why cells are blank, each reason once
};
// The headline columns of the summary in their order, rounded to three digits.
Headline headline(const Table& summary);

// One line that does nothing where it is printed: printable(), and no command of a CI log
// ("::error",
// "##[error]"), which GitHub and Azure obey in anybody's output.
std::string safe_line(std::string_view text);

}  // namespace pennyweight
