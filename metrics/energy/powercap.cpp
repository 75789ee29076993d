// RAPL by Linux's powercap: /sys/class/powercap/intel-rapl[-mmio]:<hex>[:<hex>]/{name, energy_uj,
// max_energy_range_uj}. AMD processors use the same names.
#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "metrics/energy/meter.h"

namespace pennyweight {
namespace {

namespace fs = std::filesystem;

// A sysfs attribute, trimmed of its newline; or errno.
struct Attribute {
  std::string text;
  int error = 0;
};
Attribute read_attribute(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {{}, errno};
  std::array<char, 128> buffer;
  const ssize_t size = ::read(fd, buffer.data(), buffer.size());
  const int error = size < 0 ? errno : 0;
  ::close(fd);
  if (size < 0) return {{}, error};
  std::string text(buffer.data(), static_cast<std::size_t>(size));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return {std::move(text), 0};
}

std::optional<std::uint64_t> parse_number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Where a zone stands, from the name of its directory: numbers are hexadecimal.
struct Place {
  bool mmio = false;
  std::uint64_t zone = 0;
  std::optional<std::uint64_t> child;
  auto order() const { return std::tuple(mmio, zone, child); }
};
std::optional<Place> parse_place(std::string_view entry) {
  Place place;
  for (const auto& [prefix, mmio] : {std::pair<std::string_view, bool>{"intel-rapl-mmio:", true},
                                     std::pair<std::string_view, bool>{"intel-rapl:", false}}) {
    if (entry.substr(0, prefix.size()) != prefix) continue;
    entry.remove_prefix(prefix.size());
    place.mmio = mmio;
    const std::size_t colon = entry.find(':');
    const auto zone = parse_number(entry.substr(0, colon), 16);
    if (!zone) return std::nullopt;
    place.zone = *zone;
    if (colon == std::string_view::npos) return place;
    place.child = parse_number(entry.substr(colon + 1), 16);
    if (!place.child) return std::nullopt;
    return place;
  }
  return std::nullopt;
}

struct Zone {
  Place place;
  EnergySourceInfo info;
};

// A name that is not known is of no domain: the zone is left out.
std::optional<EnergyDomain> domain_of(std::string_view name) {
  if (name.substr(0, 8) == "package-") return EnergyDomain::package;
  for (const EnergyDomain d :
       {EnergyDomain::core, EnergyDomain::uncore, EnergyDomain::dram, EnergyDomain::psys}) {
    if (name == to_text(d)) return d;
  }
  return std::nullopt;
}

std::string unreadable(int error) {
  if (error == EACCES || error == EPERM) {
    return "permission denied: Linux lets only root read energy counters; allow it with "
           "`sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj`, which lasts until the next "
           "boot";
  }
  if (error == 0) return "energy_uj holds no number";
  return "energy_uj cannot be read: " + std::generic_category().message(error);
}

std::optional<Zone> read_zone(const fs::path& directory) {
  const std::string entry = directory.filename().string();
  const std::optional<Place> place = parse_place(entry);
  if (!place) return std::nullopt;
  Zone zone{*place, {}};
  EnergySourceInfo& info = zone.info;
  info.id = entry.substr(std::string_view("intel-").size());
  info.path = directory.string();
  const Attribute name = read_attribute(directory / "name");
  if (name.error !=
      0) {  // a container that masks the tree: the links are there, what they name is not
    info.name = entry;
    info.domain = place->child ? EnergyDomain::core : EnergyDomain::package;
    info.reason = "its name cannot be read: " + std::generic_category().message(name.error) +
                  "; in a container mount /sys/class/powercap and /sys/devices/virtual/powercap";
    return zone;
  }
  const std::optional<EnergyDomain> domain = domain_of(name.text);
  if (!domain) return std::nullopt;
  info.name = name.text;
  info.domain = *domain;
  // Without its range a counter is taken not to wrap: a drop is then a gap.
  info.range_uj = parse_number(read_attribute(directory / "max_energy_range_uj").text).value_or(0);
  const Attribute energy = read_attribute(directory / "energy_uj");
  if (energy.error != 0 || !parse_number(energy.text)) {
    info.reason = unreadable(energy.error);
  } else {
    info.state = EnergyState::measured;
  }
  return zone;
}

// psys contains package, package contains core and uncore but not dram, and some machines show the
// same domains again through MMIO. Dies that mirror one counter look like others here: the ledger
// finds them in the samples.
void count_once(std::vector<Zone>& zones) {
  auto top_name = [&](const Zone& zone) {
    for (const Zone& z : zones) {
      if (!z.place.child && z.place.mmio == zone.place.mmio && z.place.zone == zone.place.zone) {
        return z.info.name;
      }
    }
    return std::string();
  };
  bool has_package = false;
  for (const Zone& z : zones) has_package |= z.info.domain == EnergyDomain::package;
  for (Zone& zone : zones) {
    auto leave_out = [&](const char* why) {
      if (zone.info.reason.empty()) zone.info.reason = why;
    };
    const bool twin =
        zone.place.mmio && std::any_of(zones.begin(), zones.end(), [&](const Zone& z) {
          return !z.place.mmio && z.info.name == zone.info.name && top_name(z) == top_name(zone);
        });
    if (twin) {
      leave_out("the same counter as its namesake in intel-rapl");
    } else if (zone.info.domain == EnergyDomain::psys && has_package) {
      leave_out("contains package");
    } else if (zone.info.domain == EnergyDomain::core || zone.info.domain == EnergyDomain::uncore) {
      leave_out("contained in package");
    } else {
      zone.info.counted = true;
    }
  }
}

class PowercapMeter final : public EnergyMeter {
 public:
  PowercapMeter(const fs::path& sysfs_root, const Clock& clock);
  const std::vector<EnergySourceInfo>& sources() const override { return sources_; }
  const std::string& why_none() const override { return why_none_; }
  void sample(std::vector<EnergySample>& out) override;

 private:
  const Clock& clock_;
  std::vector<EnergySourceInfo> sources_;
  std::string why_none_;
};

PowercapMeter::PowercapMeter(const fs::path& sysfs_root, const Clock& clock) : clock_(clock) {
  std::vector<Zone> zones;
  std::error_code error;
  const fs::path root = sysfs_root / "class/powercap";
  for (fs::directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    if (std::optional<Zone> zone = read_zone(it->path())) zones.push_back(std::move(*zone));
  }
  std::sort(zones.begin(), zones.end(),
            [](const Zone& a, const Zone& b) { return a.place.order() < b.place.order(); });
  count_once(zones);
  bool readable = false;
  for (Zone& zone : zones) {
    readable |= zone.info.state == EnergyState::measured;
    sources_.push_back(std::move(zone.info));
  }
  if (readable) return;
  if (sources_.empty()) {
    why_none_ = "no energy counter in " + root.string() +
                ": a virtual machine or a container has none, and other machines need the kernel "
                "module (`sudo modprobe intel_rapl_msr`)";
  } else {
    why_none_ = sources_.front().name + ": " + sources_.front().reason;
  }
}

void PowercapMeter::sample(std::vector<EnergySample>& out) {
  for (const EnergySourceInfo& source : sources_) {
    if (source.state == EnergyState::unavailable) continue;
    const Instant before = clock_.now();
    const Attribute energy = read_attribute(fs::path(source.path) / "energy_uj");
    const Instant after = clock_.now();
    const auto value = energy.error == 0 ? parse_number(energy.text) : std::nullopt;
    out.push_back({source.id, before + (after - before) / 2, value.value_or(0), value.has_value()});
  }
}

}  // namespace

std::unique_ptr<EnergyMeter> EnergyMeter::discover(const std::filesystem::path& sysfs_root,
                                                   const Clock& clock) {
  return std::make_unique<PowercapMeter>(sysfs_root, clock);
}

}  // namespace pennyweight
