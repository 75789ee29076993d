// One line that says how far the run is: events in, on the loop's thread; one line out, on main's.
// Only on a terminal; elsewhere a plain line every 30 s, so that a CI job is not taken for dead.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>

#include "runners/runner.h"

namespace pennyweight {

class Progress final : public Observer {
 public:
  explicit Progress(bool terminal, int columns) : terminal_(terminal), columns_(columns) {}

  // Loop's thread; never wait: a full queue drops its oldest.
  void on_cell_started(const CellInfo& cell) override;
  void on_request_finished(const CellInfo& cell, const RequestRecord& record, int done,
                           int planned) override;
  void on_retry(const CellInfo& cell, const RequestRecord& record, Duration wait) override;
  void finish();  // draw() returns soon after

  // Main's thread: draws until finish().
  void draw();

 private:
  struct Event {
    std::string text;
    int done = 0, planned = 0;
  };
  void push(Event event);
  void show(const Event& event);

  static constexpr std::size_t kMostQueued = 64;
  bool terminal_;
  int columns_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> queue_;
  bool finished_ = false;
};

}  // namespace pennyweight
