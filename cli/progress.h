// One line that says how far the run is: events in, on the loop's thread; one line out, on main's.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>

#include "runners/runner.h"

namespace pennyweight {

class Progress final : public Observer {
 public:
  explicit Progress(int columns) : columns_(columns) {}

  // Loop's thread. They copy a few words and wake nobody: what is measured runs on the same cores.
  // A full queue drops its oldest.
  void on_cell_started(const CellInfo& cell) override;
  void on_request_finished(const CellInfo& cell, const RequestRecord& record, int done,
                           int planned) override;
  void on_retry(const CellInfo& cell, const RequestRecord& record, Duration wait) override;
  void finish();  // draw() returns soon after

  // Main's thread, on a terminal: one line every 100 ms until finish().
  void draw();

 private:
  struct Event {
    const CellInfo* cell = nullptr;  // of the experiment, which outlives this
    Failure failure = Failure::none;
    int done = 0, planned = 0;
    Duration wait{};
  };
  void push(const Event& event);
  void show(const Event& event);

  static constexpr std::size_t kMostQueued = 64;
  int columns_;
  int done_ = 0, planned_ = 0;  // main's thread: of the last event that told
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> queue_;
  bool finished_ = false;
};

}  // namespace pennyweight
