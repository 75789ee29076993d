#include "cli/print.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "metrics/base/utf8.h"
#include "runners/remote_target.h"

namespace pennyweight {
namespace {

int g_stdout_error = 0;  // main's thread only

bool set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool forced(const char* name) {
  return set(name) && std::string_view(std::getenv(name)) != "0";
}

}  // namespace

std::string shortened(std::string_view text) {
  constexpr std::size_t kLongest = 4000;
  return std::string(text.substr(0, kLongest)) + (text.size() > kLongest ? " ..." : "");
}

void print_error(const Error& error) {
  std::string text = "error: " + shortened(error.what) + "\n";
  if (!error.why.empty()) text += "  why: " + shortened(error.why) + "\n";
  if (!error.fix.empty()) text += "  fix: " + shortened(error.fix) + "\n";
  // Parts of the text may come from a server or a file: no escape sequence may reach the terminal.
  std::string safe;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    safe += printable(std::string_view(text).substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  std::fputs(redact(safe).c_str(), stderr);
}

void print_note(std::string_view text) {
  std::fputs(fmt::format("note: {}\n", redact(printable(shortened(text)))).c_str(), stderr);
}

void print_columns(const std::vector<std::vector<std::string>>& rows,
                   const std::vector<std::size_t>& right) {
  std::vector<int> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto pad = static_cast<std::size_t>(widths[i] - display_width(row[i]));
      const bool to_right = std::find(right.begin(), right.end(), i) != right.end();
      line += to_right ? std::string(pad, ' ') + row[i] : row[i] + std::string(pad, ' ');
      if (i + 1 < row.size()) line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  print_text(out);
}

void print_text(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return;
  }
  if (g_stdout_error == 0) g_stdout_error = errno;
}

int stdout_error() {
  return g_stdout_error;
}

bool stdout_is_terminal() {
  return isatty(STDOUT_FILENO) == 1;
}
bool stderr_is_terminal() {
  return isatty(STDERR_FILENO) == 1;
}

bool want_colour() {
  if (set("NO_COLOR")) return false;
  if (forced("CLICOLOR_FORCE") || forced("FORCE_COLOR")) return true;
  const char* term = std::getenv("TERM");
  return stdout_is_terminal() && term != nullptr && std::string_view(term) != "dumb";
}

int terminal_columns() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
  return 100;
}

}  // namespace pennyweight
