#include "metrics/store.h"

#include <algorithm>
#include <array>

#include "metrics/words.h"

namespace pennyweight {
namespace {

constexpr std::array<std::string_view, 5> kRunStatus{"running", "complete", "interrupted",
                                                     "budget_reached", "failed"};
constexpr std::array<std::string_view, 8> kOutcome{"ok",    "truncated", "refused",     "unparsed",
                                                   "empty", "error",     "unsupported", "unscored"};

}  // namespace

std::string_view to_text(RunStatus status) {
  return word_of(status, kRunStatus);
}
std::optional<RunStatus> parse_run_status(std::string_view word) {
  return find_word<RunStatus>(word, kRunStatus);
}

std::string_view to_text(Outcome outcome) {
  return word_of(outcome, kOutcome);
}
std::optional<Outcome> parse_outcome(std::string_view word) {
  return find_word<Outcome>(word, kOutcome);
}

std::optional<UnixTime> to_unix(const Sitting& sitting, Instant instant) {
  if (sitting.clock_pairs.empty()) return std::nullopt;
  auto nearest =
      std::upper_bound(sitting.clock_pairs.begin(), sitting.clock_pairs.end(), instant,
                       [](Instant at, const Sitting::Pair& pair) { return at < pair.monotonic; });
  // An instant before the first pair is counted back from it.
  if (nearest != sitting.clock_pairs.begin()) --nearest;
  return nearest->realtime + (instant - nearest->monotonic);
}

}  // namespace pennyweight
