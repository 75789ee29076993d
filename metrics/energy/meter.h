// Where joules come from. Every figure carries its state; a source that cannot be read is unavailable
// with a reason, never 0.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/base/clock.h"
#include "metrics/base/result.h"
#include "metrics/base/units.h"

namespace pennyweight {

// Worst state wins in a sum: measured < estimated < modelled < unavailable.
enum class EnergyState : std::uint8_t { measured, estimated, modelled, unavailable };
std::string_view to_text(EnergyState);
std::optional<EnergyState> parse_energy_state(std::string_view);

struct EnergyFigure {
  EnergyState state = EnergyState::unavailable;
  Joules joules{};     // meaningless when unavailable
  double coverage = 0;  // observed / requested time
  std::string method;   // "RAPL package-0 + dram, whole machine"
  std::string reason;   // why it is not measured
};

// What a source covers. Containment: psys contains package; package contains core and uncore, not dram.
enum class EnergyDomain : std::uint8_t { core, uncore, package, dram, gpu, psys, wall };
std::string_view to_text(EnergyDomain);
std::optional<EnergyDomain> parse_energy_domain(std::string_view);

struct EnergySourceInfo {
  std::string id;    // "rapl:0" (zone numbers are hex, as the kernel prints them)
  std::string name;  // "package-0"
  EnergyDomain domain = EnergyDomain::package;
  std::string path;
  std::uint64_t range_uj = 0;  // the counter wraps after this; 0 = never
  EnergyState state = EnergyState::unavailable;
  std::string reason;          // permission, mirrored, contained in another, not found
  bool counted = false;        // belongs in the total, readable or not: nothing is counted twice
};

// A cumulative counter at an instant: raw, so that every later opinion can be recomputed.
struct EnergySample {
  std::string source_id;
  Instant at{};             // midpoint of the read
  std::uint64_t raw_uj = 0;
  bool ok = true;           // false: the read failed, raw_uj is meaningless
  int sitting = 0;          // whose epoch `at` counts from; the store fills it in
};

// Reads all sources of /sys/class/powercap. One thread. `sysfs_root` is "/sys" but for tests.
class EnergyMeter {
 public:
  // Never fails: a machine without any source has an empty list and a reason in `why_none`.
  static std::unique_ptr<EnergyMeter> discover(const std::filesystem::path& sysfs_root,
                                               const Clock& clock);
  virtual ~EnergyMeter() = default;
  virtual const std::vector<EnergySourceInfo>& sources() const = 0;
  virtual const std::string& why_none() const = 0;  // with the remedy; empty when something is readable
  virtual void sample(std::vector<EnergySample>& out) = 0;  // appends one for each readable source
};

// A thread that samples at once, every `period`, at marks and a last time when destroyed. `take` is
// called on that thread.
class EnergySampler {
 public:
  EnergySampler(std::unique_ptr<EnergyMeter> meter, Duration period,
                std::function<void(const EnergySample&)> take);
  ~EnergySampler();
  const EnergyMeter& meter() const;
  void mark();  // any thread: one more sample soon, at the edge of a request

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pennyweight
