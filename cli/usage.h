// What is wrong with a command line, in the words of every other error: what, why and the fix.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "metrics/base/result.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace pennyweight {

Error usage_error(const CLI::App& app, const CLI::ParseError& error);

// For Option::check: "" when the value will do, else why not.
using ValueCheck = std::function<std::string(const std::string&)>;
inline constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int64_t>::max();
ValueCheck whole_number(std::int64_t from, std::int64_t to = kAnyNumber);
ValueCheck real_number(double from, double to);
ValueCheck not_empty();     // of names and paths
ValueCheck calendar_day();  // YYYY-MM-DD

}  // namespace pennyweight
