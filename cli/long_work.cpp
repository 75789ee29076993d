#include "cli/long_work.h"

#include <csignal>
#include <cstdio>
#include <string>

#include <fmt/core.h>

#include "cli/print.h"

namespace pennyweight {
namespace {

volatile std::sig_atomic_t g_signal = 0;

}  // namespace

LongWork::LongWork() : terminal_(stderr_is_terminal()) {
  g_signal = 0;
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    action.sa_handler = [](int signal) { g_signal = signal; };
    action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
    sigaction(number, &action, nullptr);
  }
}

LongWork::~LongWork() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

bool LongWork::go_on(std::uint64_t done, std::uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (terminal_ && total > 0 && now - last_ >= std::chrono::milliseconds(100)) {
    last_ = now;
    show(static_cast<double>(done) / static_cast<double>(total));
  }
  return g_signal == 0;
}

void LongWork::show(double part) {
  const double seconds = std::chrono::duration<double>(last_ - start_).count();
  constexpr double kWidth = 30;
  const auto filled = static_cast<std::size_t>(part * kWidth);
  const std::string left =
      part > 0 ? fmt::format("{:.0f} s left", seconds / part - seconds) : std::string();
  const std::string line =
      fmt::format("[{:.<30}] {:3.0f} %, {}", std::string(filled, '#'), 100 * part, left);
  std::fputs(("\r" + line.substr(0, static_cast<std::size_t>(terminal_columns() - 1)) + "\x1b[K")
                 .c_str(),
             stderr);
  std::fflush(stderr);
  drawn_ = true;
}

Result<ExitStatus> LongWork::failed(const Error& error) {
  if (error.kind != ErrorKind::interrupted || g_signal != SIGTERM) return fail(error);
  print_error(error);
  return ExitStatus::terminated;
}

}  // namespace pennyweight
