#include "metrics/energy/ledger.h"

#include <cmath>

#include "tests/metrics/energy/fake_powercap.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kIntelRange = 262143328850, kAmdRange = 65532610987;

Instant s(double seconds) {
  return Instant(Duration(std::int64_t(seconds * 1e9)));
}

EnergySourceInfo source(std::string id, std::string name, std::uint64_t range_uj = kIntelRange) {
  EnergySourceInfo info;
  info.id = std::move(id);
  info.name = std::move(name);
  info.range_uj = range_uj;
  info.state = EnergyState::measured;
  info.counted = true;
  return info;
}

struct Point {
  double seconds;
  std::uint64_t uj;
  bool ok = true;
};
void add(std::vector<EnergySample>& samples, const std::string& id,
         std::initializer_list<Point> points) {
  for (const Point& p : points) samples.push_back({id, s(p.seconds), p.uj, p.ok});
}

// One source over one window.
EnergyFigure figure(std::uint64_t range_uj, std::initializer_list<Point> points, double begin,
                    double end) {
  std::vector<EnergySample> samples;
  add(samples, "a", points);
  const std::vector<EnergySourceInfo> sources{source("a", "package-0", range_uj)};
  const Window window{s(begin), s(end)};
  return EnergyLedger(sources, samples).over({&window, 1});
}

EnergyFigure over(const std::vector<EnergySourceInfo>& sources,
                  const std::vector<EnergySample>& samples, std::vector<Window> windows) {
  return EnergyLedger(sources, samples).over(windows);
}

constexpr double kUnitJ = 61e-6;  // what the published range is short of the true modulus

}  // namespace

TEST_CASE("a counter that wraps goes on from 0") {
  EnergyFigure f = figure(kIntelRange, {{0, 262000000000}, {10, 5000000}}, 0, 10);
  CHECK(f.state == EnergyState::measured);
  CHECK(f.joules.value == Approx(148.32885).margin(kUnitJ));
  f = figure(kAmdRange, {{0, 65000000000}, {10, 100000000}}, 0, 10);
  CHECK(f.state == EnergyState::measured);
  CHECK(f.joules.value == Approx(632.610987).margin(kUnitJ));
}

TEST_CASE("a counter that stands still is 0 J, measured") {
  const EnergyFigure f = figure(kAmdRange, {{0, 7000000}, {1, 7000000}}, 0, 1);
  CHECK(f.state == EnergyState::measured);
  CHECK(f.joules.value == 0);
  CHECK(f.coverage == 1);
}

TEST_CASE("failed reads between good ones lose nothing") {
  const EnergyFigure f =
      figure(kAmdRange, {{0, 100000000}, {1, 0, false}, {2, 0, false}, {3, 130000000}}, 0, 3);
  CHECK(f.joules.value == Approx(30));
  CHECK(f.state == EnergyState::measured);
}

TEST_CASE("a drop of a counter without a known range is a gap, never negative") {
  const EnergyFigure f =
      figure(0, {{0, 100000000}, {1, 110000000}, {2, 5000000}, {3, 15000000}, {4, 25000000}}, 0, 4);
  CHECK(f.state == EnergyState::estimated);
  CHECK(f.joules.value == Approx(40));  // 10 before, 20 after, and 10 for the second between
  CHECK(f.coverage == Approx(0.75));
  CHECK(!f.reason.empty());
}

TEST_CASE("a short gap in a long window is still no measured figure") {
  std::vector<EnergySample> samples;
  for (int i = 0; i <= 1000; ++i) {
    const auto uj = static_cast<std::uint64_t>(i) * 1000000;
    samples.push_back({"a", s(i * 0.1), i < 500 ? uj + 900000000000 : uj});
  }
  const EnergyFigure f = over({source("a", "package-0", 0)}, samples, {{s(0), s(100)}});
  CHECK(f.coverage == Approx(0.999));
  CHECK(f.state == EnergyState::estimated);
  // The same counter over a window without the gap.
  CHECK(over({source("a", "package-0", 0)}, samples, {{s(60), s(70)}}).state ==
        EnergyState::measured);
}

TEST_CASE("a gap in which the counter may have wrapped more than once is unavailable") {
  const EnergyFigure f = figure(kAmdRange, {{0, 1000000}, {300, 5000000}}, 0, 300);
  CHECK(f.state == EnergyState::unavailable);
  CHECK(f.joules.value == 0);
  CHECK(f.coverage == 0);
}

TEST_CASE("a reset is no wrap: the power it implies is impossible") {
  const EnergyFigure f = figure(
      kAmdRange, {{0, 40000000000}, {0.1, 40001000000}, {0.2, 1000}, {0.3, 1001000}}, 0, 0.3);
  CHECK(f.state == EnergyState::estimated);
  CHECK(f.joules.value == Approx(3));  // 1 J in each of the two good steps
  CHECK(f.coverage == Approx(2.0 / 3));
}

TEST_CASE("one sample that jumps is passed over") {
  const EnergyFigure down =
      figure(0, {{0, 22543283000000}, {1, 200000000}, {2, 22543300000000}}, 0, 2);
  CHECK(down.joules.value == Approx(17));
  CHECK(down.state == EnergyState::measured);
  const EnergyFigure up =
      figure(kAmdRange, {{0, 1000000}, {1, 60000000000}, {2, 18000000}, {3, 19000000}}, 0, 3);
  CHECK(up.joules.value == Approx(18));
  CHECK(up.state == EnergyState::measured);
}

TEST_CASE("mirrored dies are one counter, and dies that differ are added") {
  const std::vector<EnergySourceInfo> sources{source("rapl:0", "package-0-die-0"),
                                              source("rapl:1", "package-0-die-1")};
  std::vector<EnergySample> samples;
  SECTION("mirrored") {
    add(samples, "rapl:0", {{0, 5000000}, {5, 345000000}, {10, 685000000}});
    add(samples, "rapl:1", {{0.0001, 5000000}, {5.0001, 345010000}, {10.0001, 685010000}});
    const EnergyFigure f = over(sources, samples, {{s(0), s(10)}});
    CHECK(f.joules.value == Approx(680));
    CHECK(f.state == EnergyState::measured);
    CHECK(f.method == "RAPL package-0-die-0, whole machine");
  }
  SECTION("different") {
    add(samples, "rapl:0", {{0, 5000000}, {10, 685000000}});
    add(samples, "rapl:1", {{0, 5000000}, {10, 517000000}});
    const EnergyFigure f = over(sources, samples, {{s(0), s(10)}});
    CHECK(f.joules.value == Approx(1192));
    CHECK(f.method == "RAPL package-0-die-0 + package-0-die-1, whole machine");
  }
  SECTION("equal power from unequal counters is two dies") {
    add(samples, "rapl:0", {{0, 5000000}, {10, 685000000}});
    add(samples, "rapl:1", {{0, 15000000}, {10, 695000000}});
    CHECK(over(sources, samples, {{s(0), s(10)}}).joules.value == Approx(1360));
  }
}

TEST_CASE("sixteen zones of two packages, each mirrored eight times, are two counters") {
  std::vector<EnergySourceInfo> sources;
  std::vector<EnergySample> samples;
  for (int zone = 0; zone < 16; ++zone) {
    const std::string id = "rapl:" + std::string(1, "0123456789abcdef"[zone]);
    const bool second = zone >= 8;
    sources.push_back(source(id, second ? "package-1" : "package-0", kAmdRange));
    add(samples, id, {{0, second ? 7000000U : 3000000U}, {10, second ? 907000000U : 1003000000U}});
  }
  CHECK(over(sources, samples, {{s(0), s(10)}}).joules.value == Approx(1900));
}

TEST_CASE("a client's tree from discovery to joules: components, never everything") {
  const test::FakePowercap tree;
  auto set = [&](double seconds) {
    auto uj = [&](double watts) {
      return static_cast<std::uint64_t>(watts * seconds * 1e6) + 9000;
    };
    tree.add("intel-rapl:0", "package-0", uj(15.73));
    tree.add("intel-rapl:0:0", "core", uj(14.00));
    tree.add("intel-rapl:0:1", "uncore", uj(0.54));
    tree.add("intel-rapl:0:2", "dram", uj(1.23));
    tree.add("intel-rapl:1", "psys", uj(29.97));
    tree.add("intel-rapl-mmio:0", "package-0", uj(15.1));
  };
  FakeClock clock;
  set(0);
  const auto meter = EnergyMeter::discover(tree.sysfs(), clock);
  std::vector<EnergySample> samples;
  meter->sample(samples);
  clock.advance(10s);
  set(10);
  meter->sample(samples);
  const EnergyFigure f = over(meter->sources(), samples, {{s(0), s(10)}});
  CHECK(f.joules.value == Approx(169.6));
  CHECK(f.state == EnergyState::measured);
  CHECK(f.method == "RAPL package-0 + dram, whole machine");
}

TEST_CASE("a zone that goes away after 6 of 10 s gives an estimate for the 10 s, and says so") {
  const EnergyFigure f = figure(
      kAmdRange,
      {{0, 0}, {2, 20000000}, {4, 40000000}, {6, 60000000}, {8, 0, false}, {10, 0, false}}, 0, 10);
  CHECK(f.joules.value == Approx(100));
  CHECK(f.coverage == Approx(0.6));
  CHECK(f.state == EnergyState::estimated);
  CHECK(f.method == "RAPL package-0, whole machine, scaled from 60 % of the time");
  CHECK(f.reason == "the counters tell of 60 % of the time");
}

TEST_CASE("joules do not depend on how much time was lost, each source scaled by its own loss") {
  const std::vector<EnergySourceInfo> sources{source("a", "package-0", kAmdRange),
                                              source("b", "dram", kAmdRange)};
  for (const double seen : {10.0, 9.8, 9.7, 7.0, 5.0}) {  // of 10 s; package 10 W, dram 1 W
    std::vector<EnergySample> samples;
    add(samples, "a", {{0, 0}, {seen, static_cast<std::uint64_t>(std::llround(seen * 1e7))}});
    add(samples, "b", {{0, 0}, {10, 10000000}});
    const EnergyFigure f = over(sources, samples, {{s(0), s(10)}});
    INFO(seen);
    CHECK(f.coverage == Approx(seen / 10));
    CHECK((f.state == EnergyState::estimated) == (seen < 9.8));
    CHECK(f.joules.value == Approx(seen == 9.8 ? 108 : 110));  // measured: as counted
  }
}

TEST_CASE("coverage of half is estimated, below it unavailable") {
  CHECK(figure(kAmdRange, {{0, 0}, {5, 50000000}}, 0, 10).state == EnergyState::estimated);
  const EnergyFigure f = figure(kAmdRange, {{0, 0}, {4.9, 49000000}}, 0, 10);
  CHECK(f.state == EnergyState::unavailable);
  CHECK(f.coverage == Approx(0.49));
  CHECK(figure(kAmdRange, {{0, 0}, {9.8, 98000000}}, 0, 10).state == EnergyState::measured);
}

TEST_CASE("windows cut samples in proportion, and what overlaps is counted once") {
  std::vector<EnergySample> samples;
  add(samples, "a", {{0, 0}, {1, 10000000}, {2, 110000000}, {3, 120000000}});
  const std::vector<EnergySourceInfo> sources{source("a", "package-0")};
  CHECK(over(sources, samples, {{s(0.5), s(1.25)}}).joules.value == Approx(5 + 25));
  const EnergyFigure f =
      over(sources, samples, {{s(2.5), s(3)}, {s(0), s(1)}, {s(0.2), s(0.5)}, {s(0.9), s(1.1)}});
  CHECK(f.joules.value == Approx(10 + 10 + 5));
  CHECK(f.coverage == Approx(1));
}

TEST_CASE("the order of samples, windows and zones changes nothing") {
  std::vector<EnergySourceInfo> sources{source("a", "package-0"), source("b", "package-1")};
  std::vector<EnergySample> samples;
  add(samples, "a", {{0, 0}, {1, 10000000}, {2, 30000000}});
  add(samples, "b", {{0, 500}, {1, 7000500}, {2, 9000500}});
  std::vector<Window> windows{{s(0), s(0.5)}, {s(1), s(2)}};
  const double before = over(sources, samples, windows).joules.value;
  std::reverse(sources.begin(), sources.end());
  std::reverse(samples.begin(), samples.end());
  std::reverse(windows.begin(), windows.end());
  CHECK(over(sources, samples, windows).joules.value == Approx(before));
  CHECK(before == Approx(5 + 20 + 3.5 + 2));
}

TEST_CASE("instants of two sittings do not mix") {
  std::vector<EnergySample> samples;
  add(samples, "a", {{0, 0}, {10, 100000000}});
  samples.push_back({"a", s(0), 5000000000, true, 1});
  samples.push_back({"a", s(10), 5300000000, true, 1});
  const std::vector<EnergySourceInfo> sources{source("a", "package-0")};
  CHECK(over(sources, samples, {{s(0), s(10), 0}}).joules.value == Approx(100));
  CHECK(over(sources, samples, {{s(0), s(10), 1}}).joules.value == Approx(300));
  CHECK(over(sources, samples, {{s(0), s(5), 0}, {s(0), s(5), 1}}).joules.value == Approx(200));
  CHECK(over(sources, samples, {{s(0), s(10), 2}}).state == EnergyState::unavailable);
}

TEST_CASE("a counted source that cannot be read makes the total unavailable, with its reason") {
  std::vector<EnergySourceInfo> sources{source("a", "package-0"), source("b", "package-1")};
  sources[1].state = EnergyState::unavailable;
  sources[1].reason = "permission denied";
  std::vector<EnergySample> samples;
  add(samples, "a", {{0, 0}, {1, 5000000}});
  const EnergyFigure f = over(sources, samples, {{s(0), s(1)}});
  CHECK(f.state == EnergyState::unavailable);
  CHECK(f.joules.value == 0);
  CHECK(f.reason == "package-1: permission denied");
  // One that is not counted does no harm.
  sources[1].counted = false;
  CHECK(over(sources, samples, {{s(0), s(1)}}).state == EnergyState::measured);
}

TEST_CASE("without sources, samples or time there is a reason and no 0 J") {
  const EnergyFigure none = over({}, {}, {{s(0), s(1)}});
  CHECK(none.state == EnergyState::unavailable);
  CHECK(none.reason == "this machine has no readable energy counter");
  CHECK(over({source("a", "package-0")}, {}, {{s(0), s(1)}}).reason ==
        "package-0: no reading succeeded");
  for (const auto& windows : {std::vector<Window>{}, {{s(1), s(1)}}, {{s(2), s(1)}}}) {
    std::vector<EnergySample> samples;
    add(samples, "a", {{0, 0}, {3, 1000000}});
    const EnergyFigure f = over({source("a", "package-0")}, samples, windows);
    CHECK(f.state == EnergyState::unavailable);
    CHECK(f.reason == "no time was measured");
  }
}

TEST_CASE("an estimated source makes an estimated total") {
  std::vector<EnergySourceInfo> sources{source("a", "package-0")};
  sources[0].state = EnergyState::estimated;
  std::vector<EnergySample> samples;
  add(samples, "a", {{0, 0}, {1, 5000000}});
  CHECK(over(sources, samples, {{s(0), s(1)}}).state == EnergyState::estimated);
}

TEST_CASE("states and domains are words that come back") {
  for (const auto state : {EnergyState::measured, EnergyState::estimated, EnergyState::modelled,
                           EnergyState::unavailable}) {
    CHECK(parse_energy_state(to_text(state)) == state);
  }
  for (const auto domain :
       {EnergyDomain::core, EnergyDomain::uncore, EnergyDomain::package, EnergyDomain::dram,
        EnergyDomain::gpu, EnergyDomain::psys, EnergyDomain::wall}) {
    CHECK(parse_energy_domain(to_text(domain)) == domain);
  }
  CHECK(to_text(EnergyState::unavailable) == "unavailable");
  CHECK(to_text(EnergyDomain::psys) == "psys");
  CHECK(!parse_energy_state("guessed"));
  CHECK(!parse_energy_domain(""));
}
