// A store in memory: what was put, in order, to be looked at by a test, and read back for resuming.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "metrics/store.h"

namespace pennyweight::test {

class MemoryStore final : public StoreWriter {
 public:
  Result<void> begin_run(const RunInfo& run, const std::vector<CellInfo>& cells,
                         const std::vector<PriceRow>& prices_used) override;
  Result<void> begin_sitting(const Sitting& sitting) override;
  Result<void> set_status(RunStatus status) override;
  void put(const RequestRecord& record) override;
  void put(const StoredTask& task) override;
  void put(const StoredScore& score) override;
  void put(const Sitting::Pair& pair) override;
  void put(const EnergySample& sample) override;
  void put(const EnergySourceInfo& source) override;
  Result<void> checkpoint() override;
  Result<void> close() override { return {}; }
  std::optional<Error> error() const override { return failure; }

  // Each key once: the finished record took the place of the one in flight.
  std::vector<RequestRecord> records;
  std::vector<RequestRecord> puts;  // as they came, in-flight ones too
  std::vector<StoredTask> tasks;
  std::vector<StoredScore> scores;
  std::vector<Sitting::Pair> pairs;
  std::vector<CellInfo> cells;
  int checkpoints = 0;
  std::optional<Error> failure;            // set by a test to fail from then on
  std::optional<std::size_t> fails_after;  // puts of records until the disk is full
};

class MemoryReader final : public StoreReader {
 public:
  explicit MemoryReader(const MemoryStore& store) : store_(store) {}
  Result<std::vector<RunInfo>> runs() override { return std::vector<RunInfo>{}; }
  Result<std::vector<CellInfo>> cells(const std::string&) override { return store_.cells; }
  Result<std::vector<Sitting>> sittings(const std::string&) override {
    return std::vector<Sitting>{};
  }
  Result<std::vector<PriceRow>> prices(const std::string&) override {
    return std::vector<PriceRow>{};
  }
  Result<void> for_each_record(const std::string& run_id, const std::string& cell_id,
                               const std::function<bool(const RequestRecord&)>& visit) override;
  Result<std::vector<StoredTask>> tasks(const std::string&) override { return store_.tasks; }
  Result<std::vector<StoredScore>> scores(const std::string&) override { return store_.scores; }
  Result<std::vector<EnergySourceInfo>> energy_sources(const std::string&) override {
    return std::vector<EnergySourceInfo>{};
  }
  Result<std::vector<EnergySample>> energy_samples(const std::string&) override {
    return std::vector<EnergySample>{};
  }

 private:
  const MemoryStore& store_;
};

}  // namespace pennyweight::test
