#include <map>

#include <sys/wait.h>
#include <unistd.h>

#include "metrics/energy/meter.h"
#include "tests/metrics/energy/fake_powercap.h"
#include "tests/test.h"

using namespace pennyweight;
using pennyweight::test::FakePowercap;
using namespace std::chrono_literals;

namespace {

std::map<std::string, EnergySourceInfo> by_id(const EnergyMeter& meter) {
  std::map<std::string, EnergySourceInfo> out;
  for (const EnergySourceInfo& s : meter.sources()) out[s.id] = s;
  return out;
}

std::string counted(const EnergyMeter& meter) {
  std::string ids;
  for (const EnergySourceInfo& s : meter.sources()) {
    if (s.counted) ids += (ids.empty() ? "" : " ") + s.id;
  }
  return ids;
}

}  // namespace

TEST_CASE("a client's zones: package and dram are counted, what contains or is contained is not") {
  const FakePowercap tree;
  tree.add("intel-rapl:1", "psys", 29970000);
  tree.add("intel-rapl:0", "package-0", 15730000);
  tree.add("intel-rapl:0:0", "core", 14000000);
  tree.add("intel-rapl:0:1", "uncore", 540000);
  tree.add("intel-rapl:0:2", "dram", 1230000, 65532610987);
  const FakeClock clock;
  const auto meter = EnergyMeter::discover(tree.sysfs(), clock);
  CHECK(meter->why_none().empty());
  REQUIRE(meter->sources().size() == 5);
  CHECK(counted(*meter) == "rapl:0 rapl:0:2");
  auto sources = by_id(*meter);
  CHECK(sources["rapl:0"].name == "package-0");  // trimmed
  CHECK(sources["rapl:0"].domain == EnergyDomain::package);
  CHECK(sources["rapl:0"].range_uj == 262143328850);
  CHECK(sources["rapl:0"].state == EnergyState::measured);
  CHECK(sources["rapl:0:2"].range_uj == 65532610987);
  CHECK(sources["rapl:1"].reason == "contains package");
  CHECK(sources["rapl:0:0"].reason == "contained in package");
}

TEST_CASE("psys alone is counted") {
  const FakePowercap tree;
  tree.add("intel-rapl:0", "psys", 1);
  const FakeClock clock;
  CHECK(counted(*EnergyMeter::discover(tree.sysfs(), clock)) == "rapl:0");
}

TEST_CASE("a package that is shown again through MMIO is counted once") {
  const FakePowercap tree;
  tree.add("intel-rapl-mmio:0", "package-0", 37800000);
  tree.add("intel-rapl-mmio:0:0", "dram", 5);
  tree.add("intel-rapl:0", "package-0", 39300000);
  const FakeClock clock;
  const auto meter = EnergyMeter::discover(tree.sysfs(), clock);
  // dram exists through MMIO only, so it is no twin.
  CHECK(counted(*meter) == "rapl:0 rapl-mmio:0:0");
}

TEST_CASE("zone numbers are hexadecimal and in the order of their values") {
  const FakePowercap tree;
  const std::string digits = "0123456789abcdef";
  for (const char digit : digits) {
    tree.add(std::string("intel-rapl:") + digit, "package-" + std::string(digit < '8' ? "0" : "1"),
             1);
  }
  tree.add("intel-rapl:10", "package-2", 1);
  tree.add("intel-rapl:0:a", "dram", 1);
  const FakeClock clock;
  const auto meter = EnergyMeter::discover(tree.sysfs(), clock);
  REQUIRE(meter->sources().size() == 18);
  CHECK(meter->sources()[1].id == "rapl:0:a");
  CHECK(meter->sources()[16].id == "rapl:f");
  CHECK(meter->sources()[17].id == "rapl:10");
}

TEST_CASE("directories that are no zones of ours are passed over") {
  const FakePowercap tree;
  for (const char* entry : {"intel-rapl:", "intel-rapl:g", "intel-rapl:0:", "intel-rapl:0:0:0",
                            "intel-rapl-x:0", "dtpm:0", "intel-rapl:-1"}) {
    tree.add(entry, "package-0", 1);
  }
  tree.add("intel-rapl:3", "something-new", 1);
  const FakeClock clock;
  CHECK(EnergyMeter::discover(tree.sysfs(), clock)->sources().empty());
}

TEST_CASE("a machine without powercap has no source, and says why and what helps") {
  const test::TempDir empty;
  const FakeClock clock;
  const auto meter = EnergyMeter::discover(empty.path(), clock);
  CHECK(meter->sources().empty());
  CHECK(meter->why_none().find("virtual machine") != std::string::npos);
  CHECK(meter->why_none().find("modprobe") != std::string::npos);
  std::vector<EnergySample> samples;
  meter->sample(samples);
  CHECK(samples.empty());
}

TEST_CASE(
    "a counter that cannot be read is unavailable with the reason, and still belongs in the "
    "total") {
  const FakePowercap tree;
  tree.add("intel-rapl:0", "package-0", 1);
  SECTION("reading fails") {
    tree.break_reading("intel-rapl:0");
    const FakeClock clock;
    const auto meter = EnergyMeter::discover(tree.sysfs(), clock);
    REQUIRE(meter->sources().size() == 1);
    CHECK(meter->sources()[0].state == EnergyState::unavailable);
    CHECK(meter->sources()[0].counted);
    CHECK(meter->why_none() == "package-0: energy_uj cannot be read: Is a directory");
  }
  SECTION("a dangling link, as in a container that masks the tree") {
    std::filesystem::remove_all(tree.zone("intel-rapl:0"));
    std::filesystem::create_symlink("../../nowhere", tree.zone("intel-rapl:0"));
    const FakeClock clock;
    const auto meter = EnergyMeter::discover(tree.sysfs(), clock);
    REQUIRE(meter->sources().size() == 1);
    CHECK(meter->sources()[0].state == EnergyState::unavailable);
    CHECK(meter->why_none().find("/sys/devices/virtual/powercap") != std::string::npos);
  }
  SECTION("it holds no number") {
    const char* text = GENERATE("", "\n", "12abc\n", "-1\n", "18446744073709551616\n", "1 2\n");
    test::write_file(tree.zone("intel-rapl:0") / "energy_uj", text);
    const FakeClock clock;
    CHECK(EnergyMeter::discover(tree.sysfs(), clock)->why_none() ==
          "package-0: energy_uj holds no number");
  }
}

TEST_CASE("a counter that only root may read names the remedy") {
  const FakePowercap tree;
  tree.add("intel-rapl:0", "package-0", 1);
  namespace fs = std::filesystem;
  fs::permissions(tree.zone("intel-rapl:0") / "energy_uj",
                  geteuid() == 0 ? fs::perms::owner_read : fs::perms::none);
  fs::permissions(tree.sysfs(), fs::perms(0755));
  // Root is denied nothing, so a child that is somebody else looks.
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    const FakeClock clock;
    const auto meter = EnergyMeter::discover(tree.sysfs(), clock);
    const bool remedy = meter->why_none().find("chmod a+r") != std::string::npos;
    _exit(remedy && meter->sources()[0].state == EnergyState::unavailable ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("samples are raw counters, and a failed read is a sample that says so") {
  const FakePowercap tree;
  tree.add("intel-rapl:0", "package-0", 1000);
  FakeClock clock;
  clock.advance(5s);
  const auto meter = EnergyMeter::discover(tree.sysfs(), clock);
  std::vector<EnergySample> samples;
  meter->sample(samples);
  tree.set("intel-rapl:0", 18446744073709551615ULL);
  meter->sample(samples);
  std::filesystem::remove_all(tree.zone("intel-rapl:0"));
  meter->sample(samples);
  REQUIRE(samples.size() == 3);
  CHECK(samples[0].source_id == "rapl:0");
  CHECK(samples[0].at == Instant(5s));
  CHECK(samples[0].ok);
  CHECK(samples[0].raw_uj == 1000);
  CHECK(samples[1].raw_uj == 18446744073709551615ULL);
  CHECK(!samples[2].ok);
}
