// A tree like /sys/class/powercap in a temporary directory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"

namespace pennyweight::test {

class FakePowercap {
 public:
  FakePowercap() { std::filesystem::create_directories(root_ / "class/powercap/intel-rapl"); }
  std::filesystem::path sysfs() const { return root_.path(); }
  std::filesystem::path zone(const std::string& entry) const {
    return root_ / ("class/powercap/" + entry);
  }
  void add(const std::string& entry, const std::string& name, std::uint64_t uj,
           std::uint64_t range_uj = 262143328850) const {
    std::filesystem::create_directories(zone(entry));
    write_file(zone(entry) / "name", name + "\n");
    write_file(zone(entry) / "max_energy_range_uj", std::to_string(range_uj) + "\n");
    set(entry, uj);
  }
  void set(const std::string& entry, std::uint64_t uj) const {
    write_file(zone(entry) / "energy_uj", std::to_string(uj) + "\n");
  }
  // Opening works and reading fails, for root too.
  void break_reading(const std::string& entry) const {
    std::filesystem::remove(zone(entry) / "energy_uj");
    std::filesystem::create_directory(zone(entry) / "energy_uj");
  }

 private:
  TempDir root_;
};

}  // namespace pennyweight::test
