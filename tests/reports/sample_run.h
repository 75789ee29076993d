// A run whose figures can be worked out by hand, and a store of it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "metrics/store.h"

namespace pennyweight::test {

struct StoredRun {
  RunInfo run;
  std::vector<CellInfo> cells;
  std::vector<Sitting> sittings;
  std::vector<PriceRow> prices;
  std::vector<RequestRecord> records;
  std::vector<StoredTask> tasks;
  std::vector<StoredScore> scores;
  std::vector<EnergySourceInfo> sources;
  std::vector<EnergySample> samples;
};

// 80 tasks asked once of "demo-small" (local, by the hour) and "demo-large" (remote, by tokens),
// one request a second. Of request i: sent 2 ms late, first token 100 + i ms after the schedule,
// then 9 tokens 10 ms apart; 20 tokens in, 10 out. The machine draws 10 W. The last four requests
// to demo-large fail twice, and two of its answers are cut; demo-small answers the first 60
// rightly.
StoredRun sample_run();

void write_store(const StoredRun& run, const std::filesystem::path& path);

// The same runs without a file.
std::unique_ptr<StoreReader> store_of(std::vector<StoredRun> runs);

}  // namespace pennyweight::test
