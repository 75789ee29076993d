#include "metrics/measured_requests.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace pennyweight {
MeasuredRequest::MeasuredRequest(std::vector<const RequestRecord*> attempts)
    : attempts_(std::move(attempts)) {}

int MeasuredRequest::retries() const {
  int n = 0;
  for (std::size_t i = 1; i < attempts_.size(); ++i) {
    n += attempts_[i]->sitting == attempts_[i - 1]->sitting ? 1 : 0;
  }
  return n;
}

std::vector<MeasuredRequest> measured_requests(std::span<const RequestRecord> records) {
  std::map<std::pair<std::string_view, int>, std::vector<const RequestRecord*>> groups;
  for (const RequestRecord& r : records) {
    if (r.phase == Phase::measured && r.role == Role::answer) {
      groups[{r.task_id, r.repeat}].push_back(&r);
    }
  }
  std::vector<MeasuredRequest> out;
  for (auto& [key, attempts] : groups) {
    std::sort(attempts.begin(), attempts.end(), [](const auto* a, const auto* b) {
      return std::tie(a->sitting, a->attempt) < std::tie(b->sitting, b->attempt);
    });
    out.emplace_back(std::move(attempts));
  }
  return out;
}

std::vector<Window> busy_windows(const std::vector<MeasuredRequest>& requests) {
  std::vector<Window> all;
  for (const MeasuredRequest& request : requests) {
    for (const RequestRecord* r : request.attempts()) {
      if (r->sent && r->done && *r->sent < *r->done)
        all.push_back({*r->sent, *r->done, r->sitting});
    }
  }
  std::sort(all.begin(), all.end(), [](const Window& a, const Window& b) {
    return std::tie(a.sitting, a.begin) < std::tie(b.sitting, b.begin);
  });
  std::vector<Window> merged;
  for (const Window& w : all) {
    if (merged.empty() || merged.back().sitting != w.sitting || merged.back().end < w.begin) {
      merged.push_back(w);
    } else {
      merged.back().end = std::max(merged.back().end, w.end);
    }
  }
  return merged;
}

Duration length(const std::vector<Window>& windows) {
  Duration sum{};
  for (const Window& w : windows) sum += w.end - w.begin;
  return sum;
}

Duration whole_duration(const std::vector<MeasuredRequest>& requests) {
  std::map<int, Window> sittings;
  for (const MeasuredRequest& request : requests) {
    for (const RequestRecord* r : request.attempts()) {
      const std::optional<Instant> begin = r->scheduled ? r->scheduled : r->sent;
      if (!begin || !r->done) continue;
      Window& w =
          sittings.try_emplace(r->sitting, Window{*begin, *r->done, r->sitting}).first->second;
      w.begin = std::min(w.begin, *begin);
      w.end = std::max(w.end, *r->done);
    }
  }
  Duration sum{};
  for (const auto& [number, w] : sittings) sum += w.end - w.begin;
  return sum;
}

}  // namespace pennyweight
