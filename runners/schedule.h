// When requests start. A value: same specification and seed, same instants.
#pragma once

#include <string>

#include "metrics/base/clock.h"

namespace pennyweight {

// One point of load. This only kind is the closed loop: as many requests in flight as
// `concurrency`, the next one scheduled the instant one is done. Open-loop kinds grow here.
struct LoadPoint {
  enum class Kind : std::uint8_t { closed_loop } kind = Kind::closed_loop;
  int concurrency = 1;
  std::string name() const { return "c" + std::to_string(concurrency); }  // "c4"
  friend bool operator==(const LoadPoint&, const LoadPoint&) = default;
};

}  // namespace pennyweight
