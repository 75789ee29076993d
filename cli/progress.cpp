#include "cli/progress.h"

#include <chrono>
#include <cstdio>

#include <fmt/core.h>

#include "metrics/base/units.h"
#include "metrics/base/utf8.h"

namespace pennyweight {

void Progress::on_cell_started(const CellInfo& cell) {
  push({fmt::format("{} on {}", cell.target, cell.task_set), -1, 0});
}

void Progress::on_request_finished(const CellInfo& cell, const RequestRecord& record, int done,
                                   int planned) {
  std::string text = fmt::format("{} on {}", cell.target, cell.task_set);
  if (record.failure != Failure::none) text += fmt::format(": {}", to_text(record.failure));
  push({std::move(text), done, planned});
}

void Progress::on_retry(const CellInfo& cell, const RequestRecord& record, Duration wait) {
  push({fmt::format("{}: {}, again in {:.1f} s", cell.target, to_text(record.failure),
                    to_seconds(wait)),
        -1, 0});
}

void Progress::push(Event event) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() == kMostQueued) queue_.pop_front();
    queue_.push_back(std::move(event));
  }
  changed_.notify_one();
}

void Progress::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_one();
}

void Progress::show(const Event& event) {
  const std::string count =
      event.planned > 0 ? fmt::format("{}/{} requests  ", event.done, event.planned) : "";
  if (terminal_) {
    const std::string line = fit_width(count + printable(event.text), columns_ - 1);
    std::fputs(("\r" + line + "\x1b[K").c_str(), stderr);
  } else {
    std::fputs((count + printable(event.text) + "\n").c_str(), stderr);
  }
  std::fflush(stderr);
}

void Progress::draw() {
  using namespace std::chrono_literals;
  const auto period = terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(30s);
  std::unique_lock lock(mutex_);
  bool shown = false;
  while (!finished_) {
    // Asleep for the whole period: drawing must not disturb what is measured on the same cores.
    changed_.wait_for(lock, period, [this] { return finished_; });
    if (queue_.empty() || finished_) continue;
    const Event last = queue_.back();
    queue_.clear();
    lock.unlock();
    show(last);
    shown = true;
    lock.lock();
  }
  if (terminal_ && shown) std::fputs("\r\x1b[K", stderr);
}

}  // namespace pennyweight
