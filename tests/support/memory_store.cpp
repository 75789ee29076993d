#include "tests/support/memory_store.h"

#include <algorithm>
#include <tuple>

namespace pennyweight::test {
namespace {

auto key_of(const RequestRecord& r) {
  return std::tie(r.run_id, r.cell_id, r.task_id, r.repeat, r.attempt);
}

}  // namespace

Result<void> MemoryStore::begin_run(const RunInfo&, const std::vector<CellInfo>& run_cells,
                                    const std::vector<PriceRow>&) {
  cells = run_cells;
  return {};
}
Result<void> MemoryStore::begin_sitting(const Sitting&) {
  return {};
}
Result<void> MemoryStore::set_status(RunStatus) {
  return {};
}

void MemoryStore::put(const RequestRecord& record) {
  if (fails_after && puts.size() >= *fails_after) {
    failure = Error{ErrorKind::io, "disk full", "", ""};
  }
  if (failure) return;
  puts.push_back(record);
  const auto same = std::find_if(records.begin(), records.end(), [&](const RequestRecord& r) {
    return key_of(r) == key_of(record);
  });
  if (same == records.end()) {
    records.push_back(record);
  } else {
    *same = record;
  }
}
void MemoryStore::put(const StoredTask& task) {
  tasks.push_back(task);
}
void MemoryStore::put(const StoredScore& score) {
  std::erase_if(scores, [&](const StoredScore& s) {
    return s.cell_id == score.cell_id && s.task_id == score.task_id && s.repeat == score.repeat;
  });
  scores.push_back(score);
}
void MemoryStore::put(const Sitting::Pair& pair) {
  pairs.push_back(pair);
}
void MemoryStore::put(const EnergySample&) {}
void MemoryStore::put(const EnergySourceInfo&) {}

Result<void> MemoryStore::checkpoint() {
  ++checkpoints;
  if (failure) return fail(*failure);
  return {};
}

Result<void> MemoryReader::for_each_record(const std::string& run_id, const std::string& cell_id,
                                           const std::function<bool(const RequestRecord&)>& visit) {
  for (const auto& record : store_.records) {
    if (record.run_id != run_id || record.cell_id != cell_id) continue;
    if (!visit(record)) break;
  }
  return {};
}

}  // namespace pennyweight::test
