// Samples to joules over windows: wraps undone, nothing counted twice, gaps named.
#pragma once

#include <span>
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
  // Joules of the counted sources over the union of windows, interpolated between samples. Coverage
  // below 0.98 makes it estimated, below 0.5 unavailable. A drop that cannot be a wrap (implied power
  // above 2 kW a source) is a gap, never a negative number.
  EnergyFigure over(std::span<const Window> windows) const;

 private:
  struct Track {
    EnergySourceInfo info;
    std::vector<Instant> at;
    std::vector<double> joules;  // cumulative, unwrapped
    std::vector<bool> gap_before;
  };
  std::vector<Track> tracks_;
  std::string reason_;
};

}  // namespace pennyweight
