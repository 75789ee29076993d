#include "cli/failures.h"

#include <algorithm>

#include <fmt/core.h>

namespace pennyweight {
namespace {

std::string in_words(Failure failure, int http_status) {
  std::string out(to_text(failure));
  std::replace(out.begin(), out.end(), '_', ' ');
  return http_status == 0 ? out : fmt::format("{}, HTTP {}", out, http_status);
}

}  // namespace

void FailureTally::on_request_finished(const CellInfo& cell, const RequestRecord& record, int done,
                                       int planned) {
  Count& count = targets_[cell.target];
  ++count.requests;
  if (record.failure != Failure::none) {
    ++count.failed;
    Cause& cause = count.causes[{record.failure, record.http_status}];
    if (++cause.times == 1) cause.message = record.error_message;
  }
  next_.on_request_finished(cell, record, done, planned);
}

std::vector<std::string> FailureTally::lines() const {
  std::vector<std::string> out;
  for (const auto& [target, count] : targets_) {
    if (count.failed == 0) continue;
    const auto commonest = std::max_element(
        count.causes.begin(), count.causes.end(),
        [](const auto& a, const auto& b) { return a.second.times < b.second.times; });
    const auto& [kind, cause] = *commonest;
    const std::string words = in_words(kind.first, kind.second);
    const bool all = cause.times == count.failed;
    const std::string why = all && kind.first == Failure::unsupported
                                ? "unsupported"
                                : all ? "failed, all " + words
                                      : fmt::format("failed, mostly {} ({})", words, cause.times);
    out.push_back(fmt::format("{}: {} of {} measured requests {}{}", target, count.failed,
                              count.requests, why,
                              cause.message.empty() ? "" : ": " + cause.message));
  }
  return out;
}

}  // namespace pennyweight
