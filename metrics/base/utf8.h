// Text of any language. Bytes are stored raw; replacement happens only at a sink, NFC only in
// scorers and file names.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pennyweight {

bool is_valid_utf8(std::string_view bytes);
// Each maximal invalid run becomes one U+FFFD.
std::string replace_invalid_utf8(std::string_view bytes);
// For cells, terminals and logs: valid UTF-8 without C0/C1 controls (tab and newline become one
// space), bidirectional controls, U+FFFE and U+FFFF. Model output is untrusted: it may carry escape
// sequences, or reorder the row it stands in.
std::string printable(std::string_view bytes);
// Length of the longest prefix that does not end inside a character; the tail may be completed by
// the next bytes. Invalid bytes count as complete.
std::size_t complete_utf8_prefix(std::string_view bytes);

std::size_t code_point_count(std::string_view text);       // invalid bytes count one each
std::vector<char32_t> code_points(std::string_view text);  // invalid bytes become U+FFFD
void append_utf8(std::string& out, char32_t code_point);
std::string nfc(std::string_view text);
std::string lower(std::string_view text);     // full Unicode lower case
std::string upper(std::string_view text);     // code point by code point
std::string casefold(std::string_view text);  // full Unicode case folding: sharp s becomes ss
// Without python spaces at both ends.
std::string_view strip(std::string_view text);
bool is_python_space(char32_t c);  // str.split() of Python 3
// Columns on a terminal: East Asian wide characters count two.
int display_width(std::string_view text);
// Cuts at a grapheme border so that the result fits, ending in "..." when something was cut.
std::string fit_width(std::string_view text, int columns);

// The candidate nearest to `word` by edit distance, or "" when none is near enough
// (distance <= max(1, length / 3)). For "did you mean".
std::string_view nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace pennyweight
