#include "runners/loop_queues.h"

#include <utility>

namespace pennyweight {

TimerId TimerQueue::add(Instant at, std::function<void()> handler) {
  const TimerId id = ++last_;
  timers_.emplace(Key(at, id), std::move(handler));
  when_.emplace(id, at);
  return id;
}

void TimerQueue::cancel(TimerId id) {
  const auto found = when_.find(id);
  if (found == when_.end()) return;
  timers_.erase(Key(found->second, id));
  when_.erase(found);
}

std::optional<Instant> TimerQueue::next() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

void TimerQueue::run_due(Instant now) {
  std::vector<Key> due;
  for (auto it = timers_.begin(); it != timers_.end() && it->first.first <= now; ++it)
    due.push_back(it->first);
  for (const Key& key : due) {
    auto timer = timers_.extract(key);
    if (timer.empty()) continue;  // an earlier handler cancelled it
    when_.erase(key.second);
    timer.mapped()();
  }
}

bool JobQueue::post(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  return jobs_.size() == 1;
}

void JobQueue::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
}

bool JobQueue::idle() const {
  const std::lock_guard lock(mutex_);
  return jobs_.empty() && !stopping_;
}

bool JobQueue::run() {
  std::vector<std::function<void()>> jobs;
  bool stopping = false;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
    stopping = std::exchange(stopping_, false);
  }
  for (auto& job : jobs) job();
  return stopping;
}

}  // namespace pennyweight
