#include "local_backend/answer_text.h"

#include <algorithm>
#include <utility>

#include "metrics/base/utf8.h"

namespace pennyweight::llm {

std::string_view AnswerText::push(std::string_view bytes) {
  certain_.clear();
  if (stopped_) return certain_;
  const std::size_t unseen = pending_.size();
  pending_ += bytes;
  if (cut_at_stop(unseen)) return certain_;
  std::string_view free = pending_;
  free.remove_suffix(held_for_stop());
  certain_ = free.substr(0, complete_utf8_prefix(free));
  pending_.erase(0, certain_.size());
  return certain_;
}

std::string_view AnswerText::rest() {
  certain_ = std::exchange(pending_, {});
  return certain_;
}

// Looks at each place where a stop string may end now. Afterwards nothing is pending if it was
// found.
bool AnswerText::cut_at_stop(std::size_t unseen) {
  for (std::size_t end = unseen + 1; end <= pending_.size(); ++end) {
    const auto seen = std::string_view(pending_).substr(0, end);
    std::size_t longest = 0;
    for (const std::string& stop : stops_)
      if (seen.ends_with(stop)) longest = std::max(longest, stop.size());
    if (longest == 0) continue;
    certain_ = seen.substr(0, end - longest);
    pending_.clear();
    stopped_ = true;
    return true;
  }
  return false;
}

// Length of the longest end of the pending text with which a stop string begins.
std::size_t AnswerText::held_for_stop() const {
  std::size_t held = 0;
  for (const std::string& stop : stops_)
    for (std::size_t n = std::min(stop.size() - 1, pending_.size()); n > held; --n)
      if (pending_.ends_with(std::string_view(stop).substr(0, n))) held = n;
  return held;
}

}  // namespace pennyweight::llm
