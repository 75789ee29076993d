#include "metrics/energy/meter.h"

#include <algorithm>
#include <array>

namespace pennyweight {
namespace {

// Stored words: in the order of the enum, append only.
constexpr std::array<std::string_view, 4> kState{"measured", "estimated", "modelled",
                                                 "unavailable"};
constexpr std::array<std::string_view, 7> kDomain{"core", "uncore", "package", "dram",
                                                  "gpu",  "psys",   "wall"};

template <class E, std::size_t N>
std::optional<E> parse(std::string_view word, const std::array<std::string_view, N>& words) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<E>(found - words.begin());
}

}  // namespace

std::string_view to_text(EnergyState state) {
  return kState[static_cast<std::size_t>(state)];
}
std::optional<EnergyState> parse_energy_state(std::string_view word) {
  return parse<EnergyState>(word, kState);
}

std::string_view to_text(EnergyDomain domain) {
  return kDomain[static_cast<std::size_t>(domain)];
}
std::optional<EnergyDomain> parse_energy_domain(std::string_view word) {
  return parse<EnergyDomain>(word, kDomain);
}

}  // namespace pennyweight
