#include "cli/signals.h"

#include <atomic>
#include <csignal>

#include <unistd.h>

namespace pennyweight {
namespace {

std::atomic<StopRequest*> g_stop{nullptr};
std::atomic<int> g_signal{0};

void say(const char* text, std::size_t length) {
  // write is async-signal-safe; nothing can be done about a failure here.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text, length);
}

void on_signal(int signal) {
  g_signal = signal;
  StopRequest* stop = g_stop;
  if (stop == nullptr) return;
  const int level = ++stop->level;
  constexpr char kFirst[] =
      "\nstopping: what runs may finish, then all is saved (again: abort now)\n";
  constexpr char kSecond[] = "\naborting: saving what there is\n";
  if (level == 1) {
    say(kFirst, sizeof kFirst - 1);
  } else if (level == 2) {
    say(kSecond, sizeof kSecond - 1);
    std::signal(signal, SIG_DFL);
  }
}

}  // namespace

SignalGuard::SignalGuard(StopRequest& stop) {
  g_signal = 0;
  g_stop = &stop;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

SignalGuard::~SignalGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  g_stop = nullptr;
}

int SignalGuard::last_signal() const {
  return g_signal;
}

}  // namespace pennyweight
