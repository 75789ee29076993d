// "threads=2,ctx=4096": the options after a target's name. A comma inside a value is written %2C.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "metrics/base/result.h"

namespace pennyweight {

using OptionList = std::vector<std::pair<std::string, std::string>>;

// In the order written. A part without "=", an empty key and a repeated key are errors.
Result<OptionList> parse_options(std::string_view text);
std::string join_options(const OptionList& options);
std::string escape_commas(std::string_view text);
std::string unescape_commas(std::string_view text);

// The fix of an error about a misspelt `word`: the nearest candidate, or else `otherwise`.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string otherwise);

}  // namespace pennyweight
