// A user's regular expression (Perl syntax over Unicode characters). Never hangs: a search that
// needs more than a fixed number of steps counts as no match. Immutable: any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight {

class Pattern {
 public:
  struct Options {
    bool ignore_case = false;
    bool dotall = false;     // `.` also matches a newline
    bool multiline = false;  // ^ and $ also match at newlines
  };
  struct Match {
    std::size_t begin = 0, end = 0;
    std::vector<std::optional<std::string>> groups;  // [0] is the whole match
  };

  static Result<Pattern> compile(std::string_view source, Options options);

  // The text is valid UTF-8.
  std::optional<Match> search(std::string_view text) const;
  std::optional<Match> last(std::string_view text) const;  // of the matches that do not overlap
  std::string remove_all(std::string_view text) const;

 private:
  struct Code;
  explicit Pattern(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
  std::vector<Match> matches(std::string_view text, std::size_t limit) const;

  std::shared_ptr<const Code> code_;
};

}  // namespace pennyweight
