#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "metrics/energy/meter.h"

namespace pennyweight {

struct EnergySampler::Impl {
  std::unique_ptr<EnergyMeter> meter;
  Duration period;
  std::function<void(const EnergySample&)> take;

  std::mutex mutex;  // held for a flag only, never while a counter is read
  std::condition_variable wake;
  bool marked = false, stopping = false;
  std::thread thread;

  void read() {
    std::vector<EnergySample> samples;
    meter->sample(samples);
    for (const EnergySample& sample : samples) take(sample);
  }

  void work() {
    auto due = std::chrono::steady_clock::now();
    for (;;) {
      read();
      // A mark does not move the rhythm; a machine that slept skips samples instead of catching up.
      const auto now = std::chrono::steady_clock::now();
      if (now >= due) due = std::max(due + period, now);
      std::unique_lock lock(mutex);
      wake.wait_until(lock, due, [this] { return marked || stopping; });
      marked = false;
      if (stopping) break;
    }
    read();
  }
};

EnergySampler::EnergySampler(std::unique_ptr<EnergyMeter> meter, Duration period,
                             std::function<void(const EnergySample&)> take)
    : impl_(std::make_unique<Impl>()) {
  impl_->meter = std::move(meter);
  impl_->period = period;
  impl_->take = std::move(take);
  impl_->thread = std::thread([impl = impl_.get()] { impl->work(); });
}

EnergySampler::~EnergySampler() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_one();
  impl_->thread.join();
}

const EnergyMeter& EnergySampler::meter() const {
  return *impl_->meter;
}

void EnergySampler::mark() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->marked = true;
  }
  impl_->wake.notify_one();
}

}  // namespace pennyweight
