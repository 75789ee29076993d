#include "metrics/store.h"

#include <algorithm>
#include <array>

namespace pennyweight {
namespace {

// Stored words: in the order of the enum, append only.
constexpr std::array<std::string_view, 5> kRunStatus{"running", "complete", "interrupted",
                                                     "budget_reached", "failed"};
constexpr std::array<std::string_view, 8> kOutcome{"ok",    "truncated", "refused",     "unparsed",
                                                   "empty", "error",     "unsupported", "unscored"};

template <class E, std::size_t N>
std::optional<E> parse(std::string_view word, const std::array<std::string_view, N>& words) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<E>(found - words.begin());
}

}  // namespace

std::string_view to_text(RunStatus status) {
  return kRunStatus[static_cast<std::size_t>(status)];
}
std::optional<RunStatus> parse_run_status(std::string_view word) {
  return parse<RunStatus>(word, kRunStatus);
}

std::string_view to_text(Outcome outcome) {
  return kOutcome[static_cast<std::size_t>(outcome)];
}
std::optional<Outcome> parse_outcome(std::string_view word) {
  return parse<Outcome>(word, kOutcome);
}

std::optional<UnixTime> to_unix(const Sitting& sitting, Instant instant) {
  if (sitting.clock_pairs.empty()) return std::nullopt;
  // An instant before the first pair is counted back from it.
  const Sitting::Pair* nearest = &sitting.clock_pairs.front();
  for (const Sitting::Pair& pair : sitting.clock_pairs) {
    if (pair.monotonic > instant) break;
    nearest = &pair;
  }
  return nearest->realtime + (instant - nearest->monotonic);
}

}  // namespace pennyweight
