#include "runners/option_list.h"

#include <algorithm>

#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  while (true) {
    const std::size_t at = text.find(from);
    out += text.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += to;
    text.remove_prefix(at + from.size());
  }
}

}  // namespace

std::string escape_commas(std::string_view text) {
  return replace_all(text, ",", "%2C");
}
std::string unescape_commas(std::string_view text) {
  return replace_all(replace_all(text, "%2C", ","), "%2c", ",");
}

Result<OptionList> parse_options(std::string_view text) {
  OptionList out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view option = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return fail(ErrorKind::usage, "\"" + std::string(option) + "\" is no option",
                  "options are key=value, after commas", "write a comma inside a value as %2C");
    }
    std::string key(option.substr(0, equals));
    for (const auto& [earlier, value] : out) {
      if (earlier == key) return fail(ErrorKind::usage, "option \"" + key + "\" is given twice");
    }
    out.emplace_back(std::move(key), unescape_commas(option.substr(equals + 1)));
  }
  return out;
}

std::string join_options(const OptionList& options) {
  std::string out;
  for (const auto& [key, value] : options) {
    if (!out.empty()) out += ',';
    out += key + "=" + escape_commas(value);
  }
  return out;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         std::string otherwise) {
  const std::string_view near = nearest(word, candidates);
  return near.empty() ? otherwise : "did you mean \"" + std::string(near) + "\"?";
}

}  // namespace pennyweight
