#include "metrics/energy/ledger.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

namespace pennyweight {
namespace {

// No source of one machine draws more; a counter that says so has jumped.
constexpr double kMaxWatts = 2000;
// RAPL counters move about once a millisecond.
constexpr double kCounterStepSeconds = 1e-3;
// Two sources read further apart than this cannot be compared.
constexpr Duration kMaxSkew = std::chrono::milliseconds(5);
constexpr double kMeasuredCoverage = 0.98;
constexpr double kLeastCoverage = 0.5;

double most_joules(Duration time) {
  return kMaxWatts * (to_seconds(time) + kCounterStepSeconds);
}
double to_joules(std::uint64_t uj) {
  return static_cast<double>(uj) * 1e-6;
}

// What went through the counter from a to b; empty when that cannot be known. The range is one unit
// (at most 61 uJ) below the true modulus: that error a wrap is accepted.
std::optional<double> step_joules(const EnergySample& a, const EnergySample& b,
                                  std::uint64_t range_uj) {
  std::uint64_t uj = 0;
  if (range_uj == 0) {
    if (b.raw_uj < a.raw_uj) return std::nullopt;
    uj = b.raw_uj - a.raw_uj;
  } else {
    if (a.raw_uj > range_uj || b.raw_uj > range_uj) return std::nullopt;
    // Long enough for more than one wrap: nobody knows how many.
    if (kMaxWatts * to_seconds(b.at - a.at) >= 0.5 * to_joules(range_uj)) return std::nullopt;
    uj = b.raw_uj >= a.raw_uj ? b.raw_uj - a.raw_uj : range_uj - a.raw_uj + b.raw_uj;
  }
  const double joules = to_joules(uj);
  return joules <= most_joules(b.at - a.at) ? std::optional(joules) : std::nullopt;
}

using Samples = std::vector<EnergySample>;  // of one source in one sitting, readable, by time

// Whether two counters are one shown twice, as the dies of some AMD processors are: equal at the
// first and at the last instant at which both were read.
bool mirrored(const Samples& a, const Samples& b) {
  int compared = 0;
  bool first_equal = false, last_equal = false;
  auto j = b.begin();
  for (const EnergySample& s : a) {
    while (j != b.end() && j->at < s.at - kMaxSkew) ++j;
    if (j == b.end()) break;
    const Duration skew = std::chrono::abs(j->at - s.at);
    if (skew > kMaxSkew) continue;
    const double difference = std::abs(to_joules(s.raw_uj) - to_joules(j->raw_uj));
    const double tolerance =
        std::max(1e-6 * to_joules(std::max(s.raw_uj, j->raw_uj)), most_joules(skew));
    last_equal = difference <= tolerance;
    if (compared++ == 0) first_equal = last_equal;
  }
  return compared >= 2 && first_equal && last_equal;
}

std::vector<Window> merged(std::span<const Window> windows) {
  std::vector<Window> out(windows.begin(), windows.end());
  std::sort(out.begin(), out.end(), [](const Window& a, const Window& b) {
    return std::pair(a.sitting, a.begin) < std::pair(b.sitting, b.begin);
  });
  std::size_t kept = 0;
  for (const Window& w : out) {
    if (w.end <= w.begin) continue;
    if (kept > 0 && out[kept - 1].sitting == w.sitting && w.begin <= out[kept - 1].end) {
      out[kept - 1].end = std::max(out[kept - 1].end, w.end);
    } else {
      out[kept++] = w;
    }
  }
  out.resize(kept);
  return out;
}

std::string percent(double part) {
  return std::to_string(static_cast<int>(part * 100)) + " %";
}

}  // namespace

// A single bad sample is passed over when the next one fits what was before it; else the counter
// began anew and the time between is lost.
EnergyLedger::Track EnergyLedger::make_track(std::size_t source, int sitting,
                                             std::uint64_t range_uj, const Samples& samples) {
  Track track;
  track.source = source;
  track.sitting = sitting;
  const EnergySample* last = nullptr;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const EnergySample& s = samples[i];
    std::optional<double> joules = 0.0;
    if (last != nullptr) {
      if (s.at == last->at) continue;
      joules = step_joules(*last, s, range_uj);
      if (!joules && i + 1 < samples.size() && step_joules(*last, samples[i + 1], range_uj)) {
        continue;
      }
    }
    track.at.push_back(s.at);
    track.joules.push_back((last == nullptr ? 0 : track.joules.back()) + joules.value_or(0));
    track.gap_before.push_back(!joules);
    last = &s;
  }
  return track;
}

EnergyLedger::EnergyLedger(std::span<const EnergySourceInfo> sources,
                           std::span<const EnergySample> samples) {
  std::map<std::string, std::map<int, Samples>> readable;  // by source and sitting
  for (const EnergySample& s : samples) {
    if (s.ok) readable[s.source_id][s.sitting].push_back(s);
  }
  for (auto& [id, sittings] : readable) {
    for (auto& [sitting, of] : sittings) {
      std::stable_sort(of.begin(), of.end(),
                       [](const auto& a, const auto& b) { return a.at < b.at; });
    }
  }
  auto repeats = [&](const EnergySourceInfo& a, const EnergySourceInfo& b) {
    if (a.domain != b.domain || a.range_uj != b.range_uj) return false;
    for (const auto& [sitting, of_b] : readable[b.id]) {
      if (mirrored(readable[a.id][sitting], of_b)) return true;
    }
    return false;
  };
  for (const EnergySourceInfo& source : sources) {
    if (!source.counted) continue;
    if (readable[source.id].empty()) {
      if (!reason_.empty()) continue;
      reason_ =
          source.name + ": " + (source.reason.empty() ? "no reading succeeded" : source.reason);
      continue;
    }
    const bool seen = std::any_of(sources_.begin(), sources_.end(),
                                  [&](const auto& kept) { return repeats(kept, source); });
    if (seen) continue;
    for (const auto& [sitting, of] : readable[source.id]) {
      tracks_.push_back(make_track(sources_.size(), sitting, source.range_uj, of));
    }
    method_ += (sources_.empty() ? "RAPL " : " + ") + source.name;
    sources_.push_back(source);
  }
  if (sources_.empty() && reason_.empty()) reason_ = "this machine has no readable energy counter";
  method_ += ", whole machine";
}

EnergyLedger::Share EnergyLedger::share(const Track& track, const Window& window) {
  Share share;
  const auto begin = std::upper_bound(track.at.begin(), track.at.end(), window.begin);
  auto i = static_cast<std::size_t>(begin - track.at.begin());
  for (i = std::max<std::size_t>(i, 1); i < track.at.size(); ++i) {
    const Instant from = track.at[i - 1], to = track.at[i];
    if (from >= window.end) break;
    if (track.gap_before[i]) {
      share.gap = true;
      continue;
    }
    const Duration inside = std::min(to, window.end) - std::max(from, window.begin);
    share.covered += inside;
    share.joules +=
        (track.joules[i] - track.joules[i - 1]) * to_seconds(inside) / to_seconds(to - from);
  }
  return share;
}

EnergyFigure EnergyLedger::over(std::span<const Window> windows) const {
  EnergyFigure figure;
  figure.reason = reason_;
  if (!reason_.empty()) return figure;
  const std::vector<Window> parts = merged(windows);
  Duration asked{};
  for (const Window& w : parts) asked += w.end - w.begin;
  if (asked == Duration::zero()) {
    figure.reason = "no time was measured";
    return figure;
  }
  figure.method = method_;
  figure.state = EnergyState::measured;
  std::vector<Share> shares(sources_.size());
  bool gap = false;
  for (const Track& track : tracks_) {
    for (const Window& w : parts) {
      if (w.sitting != track.sitting) continue;
      const Share part = share(track, w);
      shares[track.source].joules += part.joules;
      shares[track.source].covered += part.covered;
      gap |= part.gap;
    }
  }
  Duration least = asked;
  for (const Share& of_source : shares) least = std::min(least, of_source.covered);
  figure.coverage = to_seconds(least) / to_seconds(asked);
  for (const EnergySourceInfo& source : sources_) {
    if (source.state != EnergyState::unavailable)
      figure.state = std::max(figure.state, source.state);
  }
  const bool lossy = figure.coverage < kMeasuredCoverage || gap;
  if (lossy) figure.reason = "the counters tell of " + percent(figure.coverage) + " of the time";
  if (figure.coverage < kLeastCoverage) {
    figure.state = EnergyState::unavailable;
    return figure;
  }
  for (const Share& of_source : shares) {
    const double scale = lossy ? to_seconds(asked) / to_seconds(of_source.covered) : 1;
    figure.joules.value += of_source.joules * scale;
  }
  if (lossy) {
    figure.state = std::max(figure.state, EnergyState::estimated);
    figure.method += ", scaled from " + percent(figure.coverage) + " of the time";
  }
  return figure;
}

}  // namespace pennyweight
