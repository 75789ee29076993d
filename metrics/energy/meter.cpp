#include "metrics/energy/meter.h"

#include <array>

#include "metrics/words.h"

namespace pennyweight {
namespace {

constexpr std::array<std::string_view, 4> kState{"measured", "estimated", "modelled",
                                                 "unavailable"};
constexpr std::array<std::string_view, 7> kDomain{"core", "uncore", "package", "dram",
                                                  "gpu",  "psys",   "wall"};

}  // namespace

std::string_view to_text(EnergyState state) {
  return word_of(state, kState);
}
std::optional<EnergyState> parse_energy_state(std::string_view word) {
  return find_word<EnergyState>(word, kState);
}

std::string_view to_text(EnergyDomain domain) {
  return word_of(domain, kDomain);
}
std::optional<EnergyDomain> parse_energy_domain(std::string_view word) {
  return find_word<EnergyDomain>(word, kDomain);
}

}  // namespace pennyweight
