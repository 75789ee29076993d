#include <map>
#include <utility>

#include "metrics/store_schema.h"

namespace pennyweight {
namespace {

using store::table;

class SqliteStoreReader final : public StoreReader {
 public:
  explicit SqliteStoreReader(sqlite::Database db) : db_(std::move(db)) {}

  Result<std::vector<RunInfo>> runs() override;
  Result<std::vector<CellInfo>> cells(const std::string& run_id) override;
  Result<std::vector<Sitting>> sittings(const std::string& run_id) override;
  Result<std::vector<PriceRow>> prices(const std::string& run_id) override;
  Result<void> for_each_record(const std::string& run_id, const std::string& cell_id,
                               const std::function<bool(const RequestRecord&)>& visit) override;
  Result<std::vector<StoredTask>> tasks(const std::string& run_id) override;
  Result<std::vector<StoredScore>> scores(const std::string& run_id) override;
  Result<std::vector<EnergySourceInfo>> energy_sources(const std::string& run_id) override;
  Result<std::vector<EnergySample>> energy_samples(const std::string& run_id) override;

 private:
  // "SELECT all columns FROM table" + `rest`, whose parameters are `arguments`.
  template <class Row>
  Result<void> each(std::string_view rest, const std::vector<std::string>& arguments,
                    const std::function<bool(Row&)>& visit);
  // Rows of a run in the order they were written, each through `pick`.
  template <class Row, class Out>
  Result<std::vector<Out>> all(const std::string& run_id, Out (*pick)(Row&));

  sqlite::Database db_;
};

template <class Row>
Result<void> SqliteStoreReader::each(std::string_view rest,
                                     const std::vector<std::string>& arguments,
                                     const std::function<bool(Row&)>& visit) {
  std::string sql = "SELECT " + store::column_names<Row>().list + " FROM ";
  sql.append(table<Row>.name).append(" ").append(rest);
  Result<sqlite::Statement> statement = db_.prepare(sql);
  if (!statement) return fail(statement.error());
  for (const std::string& argument : arguments) statement->bind_text(argument);
  for (;;) {
    const Result<bool> there = statement->step();
    if (!there) return fail(there.error());
    if (!*there) return {};
    Row row;
    store::Take take{*statement};
    columns(take, row);
    if (!take.damaged.empty()) {
      return fail(ErrorKind::invalid_input, "\"" + db_.path().string() + "\" is damaged",
                  "table " + std::string(table<Row>.name) + ", column " +
                      std::string(take.damaged) + " holds a value that no version writes");
    }
    if (!visit(row)) return {};
  }
}

template <class Row, class Out>
Result<std::vector<Out>> SqliteStoreReader::all(const std::string& run_id, Out (*pick)(Row&)) {
  std::vector<Out> out;
  const Result<void> done = each<Row>("WHERE run_id = ? ORDER BY rowid", {run_id}, [&](Row& row) {
    out.push_back(pick(row));
    return true;
  });
  if (!done) return fail(done.error());
  return out;
}

Result<std::vector<RunInfo>> SqliteStoreReader::runs() {
  std::vector<RunInfo> out;
  const Result<void> done =
      each<RunInfo>("ORDER BY started_unix_ns, run_id", {}, [&](RunInfo& run) {
        out.push_back(std::move(run));
        return true;
      });
  if (!done) return fail(done.error());
  return out;
}

Result<std::vector<CellInfo>> SqliteStoreReader::cells(const std::string& run_id) {
  return all<store::CellRow, CellInfo>(run_id, [](auto& row) { return std::move(row.cell); });
}

Result<std::vector<Sitting>> SqliteStoreReader::sittings(const std::string& run_id) {
  std::map<int, Sitting> sittings;
  Result<void> done = each<store::SittingRow>("WHERE run_id = ?", {run_id}, [&](auto& row) {
    const int number = row.sitting.number;
    sittings[number] = std::move(row.sitting);
    return true;
  });
  if (done) {
    done = each<store::ClockPairRow>("WHERE run_id = ? ORDER BY sitting, monotonic_ns", {run_id},
                                     [&](auto& row) {
                                       sittings[row.sitting].number = row.sitting;
                                       sittings[row.sitting].clock_pairs.push_back(row.pair);
                                       return true;
                                     });
  }
  if (!done) return fail(done.error());
  std::vector<Sitting> out;
  for (auto& [number, sitting] : sittings) out.push_back(std::move(sitting));
  return out;
}

PriceRow from_entry(store::PriceEntry& entry) {
  const Currency currency = parse_currency(entry.currency).value_or(kUsd);
  auto money = [&](std::optional<std::int64_t> pico) -> std::optional<Money> {
    if (!pico) return std::nullopt;
    return Money{*pico, currency};
  };
  PriceRow row;
  row.provider = std::move(entry.provider);
  row.model = std::move(entry.model);
  row.input_per_1m = money(entry.input);
  row.cached_input_per_1m = money(entry.cached_input);
  row.cache_write_per_1m = money(entry.cache_write);
  row.output_per_1m = money(entry.output);
  row.effective_from = std::move(entry.effective_from);
  row.source = std::move(entry.source);
  row.verified = entry.verified;
  return row;
}

Result<std::vector<PriceRow>> SqliteStoreReader::prices(const std::string& run_id) {
  return all<store::PriceEntry, PriceRow>(run_id, from_entry);
}

Result<void> SqliteStoreReader::for_each_record(
    const std::string& run_id, const std::string& cell_id,
    const std::function<bool(const RequestRecord&)>& visit) {
  // The tail of the order makes it the same for every reading.
  return each<RequestRecord>(
      "WHERE run_id = ? AND cell_id = ? "
      "ORDER BY sitting, scheduled_ns, attempt, task_id, repeat, role, phase",
      {run_id, cell_id}, [&](RequestRecord& record) { return visit(record); });
}

Result<std::vector<StoredTask>> SqliteStoreReader::tasks(const std::string& run_id) {
  return all<store::TaskRow, StoredTask>(run_id, [](auto& row) { return std::move(row.task); });
}

Result<std::vector<StoredScore>> SqliteStoreReader::scores(const std::string& run_id) {
  return all<store::ScoreRow, StoredScore>(run_id, [](auto& row) { return std::move(row.score); });
}

Result<std::vector<EnergySourceInfo>> SqliteStoreReader::energy_sources(const std::string& run_id) {
  return all<store::SourceRow, EnergySourceInfo>(run_id,
                                                 [](auto& row) { return std::move(row.source); });
}

Result<std::vector<EnergySample>> SqliteStoreReader::energy_samples(const std::string& run_id) {
  return all<store::SampleRow, EnergySample>(run_id,
                                             [](auto& row) { return std::move(row.sample); });
}

}  // namespace

Result<std::unique_ptr<StoreReader>> StoreReader::open(const std::filesystem::path& path) {
  if (std::error_code ignored; !std::filesystem::exists(path, ignored)) {
    return fail(ErrorKind::not_found, "no file \"" + path.string() + "\"", "",
                "give the .db file that a run has written");
  }
  // Read-only even where we could write: a store in use stays its writer's.
  Result<sqlite::Database> db = sqlite::Database::open(path, sqlite::Access::read_only);
  if (!db) return fail(db.error());
  if (Result<void> ours = store::check_format(*db); !ours) return fail(ours.error());
  return std::make_unique<SqliteStoreReader>(std::move(*db));
}

}  // namespace pennyweight
