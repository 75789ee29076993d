#include "cli/usage.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "metrics/base/utf8.h"
#include "reports/pricing.h"

namespace pennyweight {
namespace {

std::string path_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

std::string help_of(const CLI::App& app) {
  return fmt::format("\"{} --help\"", path_of(app));
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// A word that belongs to nothing, and the command that met it.
struct Stray {
  const CLI::App* app;
  std::string word;
};

std::optional<Stray> stray_in(const CLI::App& app) {
  const auto words = app.remaining();
  if (!words.empty()) return Stray{&app, words.front().substr(0, words.front().find('='))};
  for (const CLI::App* command : app.get_subcommands()) {
    if (auto found = stray_in(*command)) return found;
  }
  return std::nullopt;
}

// What the user may have meant: a near name, the flag of a bare word, the flags of one letter.
std::string meant_by(const std::string& word, const CLI::App& app) {
  const auto flags = flags_of(app);
  std::vector<std::string> names = commands_of(app);
  names.insert(names.end(), flags.begin(), flags.end());
  if (const std::string_view near = nearest(word, names); !near.empty()) return std::string(near);
  std::vector<std::string> likely;
  for (const std::string& flag : flags) {
    const bool letter = word.size() == 2 && word[0] == '-' &&
                        flag[2] == std::tolower(static_cast<unsigned char>(word[1]));
    if (letter || flag == "--" + word) likely.push_back(flag);
  }
  return fmt::format("{}", fmt::join(likely, " or "));
}

Error stray_error(const Stray& stray) {
  const std::string help = help_of(*stray.app) + " lists what there is";
  const std::string meant = meant_by(stray.word, *stray.app);
  const std::string fix = meant.empty() ? help : fmt::format("did you mean {}? {}", meant, help);
  const std::string path = path_of(*stray.app);
  if (stray.word.rfind('-', 0) == 0) {
    return {ErrorKind::usage, fmt::format("unknown option \"{}\"", stray.word),
            path + " has no option of this name", fix};
  }
  if (!commands_of(*stray.app).empty()) {
    return {ErrorKind::usage, fmt::format("unknown command \"{}\"", stray.word),
            path + " has no command of this name", fix};
  }
  return {ErrorKind::usage, fmt::format("unexpected \"{}\"", stray.word),
          path + " has no place for another word",
          "quote what holds blanks; " + help_of(*stray.app) + " shows the usage"};
}

// The library's message begins with the name of the option it is about.
const CLI::Option* option_of(const CLI::App& app, std::string_view text) {
  constexpr std::string_view kConversion = "Could not convert: ";
  if (text.substr(0, kConversion.size()) == kConversion) text.remove_prefix(kConversion.size());
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name();
    if (text.substr(0, name.size()) != name) continue;
    const char after = text.size() > name.size() ? text[name.size()] : ' ';
    if (after == ':' || after == ' ') return option;
  }
  for (const CLI::App* command : app.get_subcommands()) {
    if (const CLI::Option* option = option_of(*command, text)) return option;
  }
  return nullptr;
}

Error option_error(const CLI::Option& option, const CLI::ParseError& error, const CLI::App& app) {
  const std::string name = option.get_name();
  const std::string fix = fmt::format("{} explains {}", help_of(app), name);
  const std::string text = error.what();
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return {ErrorKind::usage, name + " is missing", path_of(app) + " cannot do without it",
            fmt::format("write {} {}{}; {}", path_of(app), name,
                        name[0] == '-' ? " VALUE" : "", fix)};
  }
  if (option.get_items_expected_max() == 0) {
    return {ErrorKind::usage, name + " takes no value", "it is a switch",
            fmt::format("write {} alone", name)};
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    if (text.find("received") != text.npos) {
      return {ErrorKind::usage, name + " is given more than once", "it takes one value",
              "leave out all but one"};
    }
    return {ErrorKind::usage, name + " has no value", "nothing follows it",
            fmt::format("write {} VALUE; {}", name, fix)};
  }
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) {
    return {ErrorKind::usage, "bad value of " + name,
            text.substr(std::min(name.size() + 2, text.size())), fix};
  }
  const bool real = option.get_type_name() == "FLOAT";
  return {ErrorKind::usage, "bad value of " + name,
          fmt::format("\"{}\" is not a {}", fmt::join(option.results(), " "),
                      real ? "number such as 0.5" : "whole number in range"),
          fix};
}

const CLI::App& deepest(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

}  // namespace

Error usage_error(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    if (const auto stray = stray_in(app)) return stray_error(*stray);
  }
  const CLI::App& at = deepest(app);
  if (const CLI::Option* option = option_of(app, error.what())) {
    return option_error(*option, error, at);
  }
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return {ErrorKind::usage, path_of(at) + " wants a command",
            fmt::format("there are {}", fmt::join(commands_of(at), ", ")),
            help_of(at) + " explains them"};
  }
  return {ErrorKind::usage, "the command line cannot be read", error.what(),
          help_of(at) + " lists what there is"};
}

ValueCheck whole_number(std::int64_t from, std::int64_t to) {
  return [from, to](const std::string& text) -> std::string {
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec == std::errc() && read.ptr == end && value >= from && value <= to) return {};
    return fmt::format("\"{}\" is not a whole number from {}{}", text, from,
                       to == kAnyNumber ? " up" : fmt::format(" to {}", to));
  };
}

ValueCheck real_number(double from, double to) {
  return [from, to](const std::string& text) -> std::string {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec == std::errc() && read.ptr == end && value >= from && value <= to) return {};
    return fmt::format("\"{}\" is not a number from {} to {}", text, from, to);
  };
}

ValueCheck not_empty() {
  return [](const std::string& text) { return text.empty() ? "it is empty" : std::string(); };
}

ValueCheck calendar_day() {
  return [](const std::string& text) {
    return days_between(text, text) ? std::string()
                                    : fmt::format("\"{}\" is no day such as 2024-06-17", text);
  };
}

}  // namespace pennyweight
