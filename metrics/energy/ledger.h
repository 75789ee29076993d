// Samples to joules over windows: wraps undone, nothing counted twice, gaps found.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "metrics/energy/meter.h"

namespace pennyweight {

struct Window {
  Instant begin{}, end{};
  int sitting = 0;  // whose epoch they count from
};

// Built once from a run's samples. Immutable.
class EnergyLedger {
 public:
  EnergyLedger(std::span<const EnergySourceInfo> sources, std::span<const EnergySample> samples);
  // Joules of the counted sources over the union of windows, interpolated between samples. Lost
  // time lowers the coverage. Coverage below 0.98, or a gap inside a window, makes it estimated:
  // each source is then taken to have drawn its mean power in the time it lost, so that the joules
  // do not depend on the loss. Below 0.5 it is unavailable, as with a counted source that cannot be
  // read at all. A step that cannot be one (backwards without a wrap, or above 2 kW a source) is a
  // gap, never a negative number; a source whose counter repeats another's is that counter shown
  // twice, and counted once.
  EnergyFigure over(std::span<const Window> windows) const;

 private:
  // What one counter did in one sitting.
  struct Track {
    std::size_t source = 0;  // in sources_
    int sitting = 0;
    std::vector<Instant> at;
    std::vector<double> joules;  // cumulative, unwrapped
    std::vector<bool> gap_before;
  };
  static Track make_track(std::size_t source, int sitting, std::uint64_t range_uj,
                          const std::vector<EnergySample>& samples);
  // What a track says about a window.
  struct Share {
    double joules = 0;
    Duration covered{};
    bool gap = false;
  };
  static Share share(const Track& track, const Window& window);

  std::vector<EnergySourceInfo> sources_;  // the counted ones
  std::vector<Track> tracks_;
  std::string reason_;  // why nothing can be said; empty when something can
  std::string method_;
};

}  // namespace pennyweight
