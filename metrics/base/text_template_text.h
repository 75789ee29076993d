// Text that knows which of its bytes came from followed values, and what Python does with text.
// Positions are bytes. Nothing here is limited: callers bound what they ask for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/text_template.h"

namespace pennyweight::templates {

class Text {
 public:
  Text() = default;
  explicit Text(std::string bytes, bool followed = false);

  const std::string& bytes() const { return bytes_; }
  const std::vector<TextSpan>& spans() const { return spans_; }  // ascending, apart, none empty
  bool any_followed() const { return !spans_.empty(); }
  std::size_t weight() const { return bytes_.size() + sizeof(TextSpan) * spans_.size(); }

  void append(const Text& more);
  void append(std::string_view plain) { bytes_ += plain; }
  Text part(std::size_t begin, std::size_t end) const;
  // Each stretch, followed or not, through `change`.
  template <class Change>
  Text mapped(Change change) const {
    Text out;
    std::size_t at = 0;
    const auto take = [&](std::size_t end, bool followed) {
      if (end > at)
        out.append(Text(change(std::string_view(bytes_).substr(at, end - at)), followed));
      at = end;
    };
    for (const TextSpan& span : spans_) {
      take(span.begin, false);
      take(span.end, true);
    }
    take(bytes_.size(), false);
    return out;
  }

 private:
  std::string bytes_;
  std::vector<TextSpan> spans_;
};

// Where each character begins, and the end.
std::vector<std::size_t> character_offsets(std::string_view text);

// In time linear in both. npos when it is not there.
class Finder {
 public:
  explicit Finder(std::string_view needle);
  std::size_t find(std::string_view in, std::size_t from = 0) const;

 private:
  std::string_view needle_;
  std::vector<std::size_t> borders_;  // of each prefix, for needles long enough to matter
};

enum class Side : unsigned char { left, right, both };
// Without any of `characters` at the ends; of blanks where null.
Text stripped(const Text& text, const std::string* characters, Side side);
// At each separator, at runs of blanks where it is null; at most `most` cuts, negative for any.
std::vector<Text> split(const Text& text, const std::string* separator, std::int64_t most);
// str.splitlines(), at \n, \r and \r\n.
std::vector<Text> lines_of(const Text& text);
// Occurrences that do not overlap, as str.count().
std::size_t count_of(const Text& text, const std::string& what);
Text replaced(const Text& text, const std::string& what, const Text& by, std::int64_t most);

Text capitalized(const Text& text);
// An upper case letter after each character that `is_border` holds for.
Text titled(const Text& text, bool (*is_border)(std::string_view character));

}  // namespace pennyweight::templates
