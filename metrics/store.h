// One SQLite file that holds runs: the only source of truth for every report.
//
// Threads: a StoreWriter owns a thread that writes; its calls queue and return at once. StoreReader
// is for one thread at a time. Both keep SQLite out of this header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/base/result.h"
#include "metrics/base/text_template.h"
#include "metrics/energy/meter.h"
#include "metrics/machine.h"
#include "metrics/price_book.h"
#include "metrics/record.h"

namespace pennyweight {

enum class RunStatus : std::uint8_t { running, complete, interrupted, budget_reached, failed };
std::string_view to_text(RunStatus);
std::optional<RunStatus> parse_run_status(std::string_view);

// Facts of a run, written when it starts.
struct RunInfo {
  std::string run_id, name, program_version, program_commit, build_type;
  std::string plan_toml;       // resolved: what --print-plan prints
  std::string command_line;    // redacted
  std::uint64_t seed = 0;
  UnixTime started{};
  RunStatus status = RunStatus::running;
  Machine machine;
  Value energy_notes;          // source id -> why it is unavailable, and other facts for the report
};

// One sitting at a run. Clock pairs tie its monotonic instants to dates. A later sitting may be at
// another machine or of another program than the first, whose facts are in RunInfo too.
struct Sitting {
  int number = 0;
  struct Pair {
    Instant monotonic;
    UnixTime realtime;
  };
  std::vector<Pair> clock_pairs;  // at the start, every 10 s, at the end; in this order
  std::string program_version = {}, program_commit = {}, build_type = {};
  Machine machine = {};
  Value energy_notes = {};  // as RunInfo's
};
// The UTC time of an instant, by the nearest pair before it.
std::optional<UnixTime> to_unix(const Sitting&, Instant);

// A resolved cell of the plan, in the order of the plan.
struct CellInfo {
  std::string cell_id;         // SHA-256 of canonical `resolved`
  std::string target, target_kind;  // display name; local, remote, simulated
  std::string task_set, task_set_sha256, load_point;  // load_point: "c1", "c4"
  int concurrency = 1;
  int planned_requests = 0;    // measured ones, repeats included
  Value resolved;              // target with file and template hash, task-set hash, generation, load, seed
  Value target_facts;          // model info, kernels, template name, price key, cost rule in words
};

// A task as it was asked, so that answers can be scored again without the task set's files.
struct StoredTask {
  std::string task_set_sha256, task_id, group;
  Value row;  // target, scorer with parameters, level: all that scoring needs
};

// Opinion, kept with the signature that made it: --rescore replaces it.
enum class Outcome : std::uint8_t {
  ok, truncated, refused, unparsed, empty, error, unsupported, unscored
};
std::string_view to_text(Outcome);
std::optional<Outcome> parse_outcome(std::string_view);
struct StoredScore {
  std::string cell_id, task_id;
  int repeat = 0;
  std::string signature;  // "numeric_close|abs_tol:0|v1"
  Outcome outcome = Outcome::unscored;
  std::optional<double> score;  // 0..1; empty when the outcome has none
  std::string extracted;
};

// The format of the file, the only one so far. A file of a newer or older one is refused with its
// number.
inline constexpr int kStoreVersion = 1;
inline constexpr std::int32_t kStoreApplicationId = 0x50775774;  // "PwWt"

enum class OpenMode : std::uint8_t { create_new, resume };

// WAL, synchronous=NORMAL, commits at most every 100 ms: kill -9 loses at most the last 100 ms of
// finished requests and the file still opens. After the first failed write nothing more is written,
// error() says why, and what was committed stays.
class StoreWriter {
 public:
  // create_new refuses an existing file, but for one that holds nothing, which a run killed before
  // it began leaves; resume refuses a file without a run. Both refuse a file with a writer: there is
  // at most one until it closes, in whatever process, and any number of readers beside it.
  static Result<std::unique_ptr<StoreWriter>> open(const std::filesystem::path& path, OpenMode mode);
  virtual ~StoreWriter() = default;  // as close(), errors lost

  // Before the first request; these three wait until the rows are committed. A run, cell or price
  // that is there already stays as first written, and the run is the current one again.
  virtual Result<void> begin_run(const RunInfo& run, const std::vector<CellInfo>& cells,
                                 const std::vector<PriceRow>& prices_used) = 0;
  virtual Result<void> begin_sitting(const Sitting& sitting) = 0;
  virtual Result<void> set_status(RunStatus status) = 0;

  // Queued; any thread; never block on the disk. A record is put once at `sent`
  // (Failure::in_flight) and once finished, the second replacing the first; role, phase and sitting
  // belong to its key, so that a later sitting's warm-up adds to the earlier one's. Other rows are
  // of the current run, pairs and samples of the current sitting.
  virtual void put(const RequestRecord& record) = 0;
  virtual void put(const StoredTask& task) = 0;  // once for each task
  virtual void put(const StoredScore& score) = 0;
  virtual void put(const Sitting::Pair& pair) = 0;
  virtual void put(const EnergySample& sample) = 0;
  virtual void put(const EnergySourceInfo& source) = 0;

  // Commits and truncates the WAL: between cells.
  virtual Result<void> checkpoint() = 0;
  // Commits all and goes back to a single file.
  virtual Result<void> close() = 0;
  virtual std::optional<Error> error() const = 0;  // any thread
};

// Whether an existing file holds nothing, so that create_new takes it.
bool store_holds_nothing(const std::filesystem::path& path);

class StoreReader {
 public:
  // Reads a store in use too. In-flight rows of a dead process come back as Failure::in_flight.
  static Result<std::unique_ptr<StoreReader>> open(const std::filesystem::path& path);
  virtual ~StoreReader() = default;

  virtual Result<std::vector<RunInfo>> runs() = 0;  // oldest first
  virtual Result<std::vector<CellInfo>> cells(const std::string& run_id) = 0;
  virtual Result<std::vector<Sitting>> sittings(const std::string& run_id) = 0;
  virtual Result<std::vector<PriceRow>> prices(const std::string& run_id) = 0;
  // In order of sitting, scheduled, then attempt. `visit` returns false to stop. Chunks and answers
  // included.
  virtual Result<void> for_each_record(const std::string& run_id, const std::string& cell_id,
                                       const std::function<bool(const RequestRecord&)>& visit) = 0;
  virtual Result<std::vector<StoredTask>> tasks(const std::string& run_id) = 0;
  virtual Result<std::vector<StoredScore>> scores(const std::string& run_id) = 0;
  virtual Result<std::vector<EnergySourceInfo>> energy_sources(const std::string& run_id) = 0;
  virtual Result<std::vector<EnergySample>> energy_samples(const std::string& run_id) = 0;
};

}  // namespace pennyweight
