#include "cli/progress.h"

#include <chrono>
#include <cstdio>

#include <fmt/core.h>

#include "metrics/base/units.h"
#include "metrics/base/utf8.h"

namespace pennyweight {

void Progress::on_cell_started(const CellInfo& cell) {
  Event event;
  event.cell = &cell;
  push(event);
}

void Progress::on_request_finished(const CellInfo& cell, const RequestRecord& record, int done,
                                   int planned) {
  push({&cell, record.failure, done, planned, {}});
}

void Progress::on_retry(const CellInfo& cell, const RequestRecord& record, Duration wait) {
  push({&cell, record.failure, 0, 0, wait});
}

void Progress::push(const Event& event) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() == kMostQueued) queue_.pop_front();
  queue_.push_back(event);
}

void Progress::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_one();
}

void Progress::show(const Event& event) {
  if (event.planned > 0) {
    done_ = event.done;
    planned_ = event.planned;
  }
  std::string line = planned_ > 0 ? fmt::format("{}/{} requests  ", done_, planned_) : "";
  line += fmt::format("{} on {}", event.cell->target, event.cell->task_set);
  if (event.failure != Failure::none) line += fmt::format(": {}", to_text(event.failure));
  if (event.wait > Duration::zero())
    line += fmt::format(", again in {:.1f} s", to_seconds(event.wait));
  std::fputs(("\r" + fit_width(printable(line), columns_ - 1) + "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
}

void Progress::draw() {
  std::unique_lock lock(mutex_);
  while (!finished_) {
    changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return finished_; });
    if (queue_.empty()) continue;
    const Event last = queue_.back();
    queue_.clear();
    lock.unlock();
    show(last);
    lock.lock();
  }
  std::fputs("\r\x1b[K", stderr);
}

}  // namespace pennyweight
