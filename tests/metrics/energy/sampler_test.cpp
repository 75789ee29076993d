#include <atomic>
#include <thread>

#include "metrics/energy/meter.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;

namespace {

class CountingMeter final : public EnergyMeter {
 public:
  explicit CountingMeter(std::atomic<int>& reads) : reads_(reads) {}
  const std::vector<EnergySourceInfo>& sources() const override { return sources_; }
  const std::string& why_none() const override { return why_none_; }
  void sample(std::vector<EnergySample>& out) override {
    out.push_back({"x", Instant{}, static_cast<std::uint64_t>(++reads_)});
  }

 private:
  std::atomic<int>& reads_;
  std::vector<EnergySourceInfo> sources_{{}};
  std::string why_none_;
};

template <class Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(5ms);
  return condition();
}

}  // namespace

TEST_CASE("a sampler reads at once, at a mark and at the end, whatever its period") {
  std::atomic<int> reads{0}, taken{0};
  {
    EnergySampler sampler(std::make_unique<CountingMeter>(reads), 1h,
                          [&](const EnergySample&) { ++taken; });
    CHECK(sampler.meter().sources().size() == 1);
    REQUIRE(soon([&] { return taken == 1; }));
    sampler.mark();
    REQUIRE(soon([&] { return taken == 2; }));
  }
  CHECK(taken == 3);
  CHECK(reads == 3);
}

TEST_CASE("a sampler reads again after each period") {
  std::atomic<int> reads{0}, taken{0};
  const auto start = std::chrono::steady_clock::now();
  {
    EnergySampler sampler(std::make_unique<CountingMeter>(reads), 20ms,
                          [&](const EnergySample&) { ++taken; });
    REQUIRE(soon([&] { return taken >= 5; }));
  }
  const auto elapsed = std::chrono::steady_clock::now() - start;
  CHECK(elapsed >= 80ms);  // never faster than asked
  CHECK(taken <= elapsed / 20ms + 2);
}
