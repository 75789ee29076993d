#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include "metrics/store_opening.h"
#include "metrics/store_schema.h"

namespace pennyweight {
namespace {

using store::table;

constexpr std::chrono::milliseconds kCommitInterval{100};

using QueuedRow = std::variant<RequestRecord, store::TaskRow, store::ScoreRow, store::ClockPairRow,
                               store::SampleRow, store::SourceRow>;

// Two locks: rows_ is held for a push or a swap only, so that a put never waits for the disk;
// database_ is held while SQLite works. Whoever needs both takes database_ first.
class SqliteStoreWriter final : public StoreWriter {
 public:
  explicit SqliteStoreWriter(store::WritableStore store)
      : lock_(std::move(store.lock)), db_(std::move(store.db)), thread_([this] { work(); }) {}
  ~SqliteStoreWriter() override { (void)close(); }

  Result<void> begin_run(const RunInfo& run, const std::vector<CellInfo>& cells,
                         const std::vector<PriceRow>& prices_used) override;
  Result<void> begin_sitting(const Sitting& sitting) override;
  Result<void> set_status(RunStatus status) override;

  void put(const RequestRecord& record) override { push(record); }
  void put(const StoredTask& task) override { push(store::TaskRow{{}, task}); }
  void put(const StoredScore& score) override { push(store::ScoreRow{{}, score}); }
  void put(const Sitting::Pair& pair) override { push(store::ClockPairRow{{}, 0, pair}); }
  void put(const EnergySample& sample) override { push(store::SampleRow{{}, sample}); }
  void put(const EnergySourceInfo& source) override { push(store::SourceRow{{}, source}); }

  Result<void> checkpoint() override;
  Result<void> close() override;
  std::optional<Error> error() const override {
    std::lock_guard lock(rows_);
    return error_;
  }

 private:
  void work();
  void push(QueuedRow row);
  Result<std::string> current_run() const;
  // After this nothing more is written.
  Result<void> give_up(const Error& error);
  // The next four need database_.
  Result<void> flush();
  template <class Work>
  Result<void> transact(Work work);
  template <class Row>
  Result<void> insert(const Row& row);
  // Commits what is queued, then does `work` in a transaction of its own.
  template <class Work>
  Result<void> now(Work work);

  std::mutex database_;
  store::StoreLock lock_;  // released after db_
  sqlite::Database db_;
  template <class Row>
  struct Prepared {
    sqlite::Statement statement;
  };
  template <class... Row>
  static std::tuple<Prepared<Row>...> prepared_for(std::tuple<Row...>*);
  decltype(prepared_for(static_cast<store::Rows*>(nullptr))) prepared_;
  bool closed_ = false;

  mutable std::mutex rows_;
  std::condition_variable wake_;
  std::vector<QueuedRow> queue_;
  std::string run_id_;  // of the rows that do not name it
  int sitting_ = 0;
  std::optional<Error> error_;
  bool stopping_ = false;

  std::thread thread_;  // last: it uses all the above
};

void SqliteStoreWriter::work() {
  std::unique_lock lock(rows_);
  while (!stopping_) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    lock.unlock();
    {
      std::lock_guard database(database_);
      (void)flush();  // error() tells
    }
    lock.lock();
    wake_.wait_for(lock, kCommitInterval, [this] { return stopping_; });
  }
}

void SqliteStoreWriter::push(QueuedRow row) {
  std::lock_guard lock(rows_);
  if (error_ || stopping_) return;
  std::visit(
      [this](auto& r) {
        using Row = std::decay_t<decltype(r)>;
        if constexpr (!std::is_same_v<Row, RequestRecord>) r.run_id = run_id_;
        if constexpr (std::is_same_v<Row, store::ClockPairRow>) r.sitting = sitting_;
        if constexpr (std::is_same_v<Row, store::SampleRow>) r.sample.sitting = sitting_;
      },
      row);
  queue_.push_back(std::move(row));
  wake_.notify_one();
}

template <class Row>
Result<void> SqliteStoreWriter::insert(const Row& row) {
  sqlite::Statement& statement = std::get<Prepared<Row>>(prepared_).statement;
  if (!statement) {
    const store::ColumnNames names = store::column_names<Row>();
    const bool replace = table<Row>.again == store::Table::replace;
    std::string sql = replace ? "INSERT OR REPLACE INTO " : "INSERT INTO ";
    sql.append(table<Row>.name).append(" (").append(names.list).append(") VALUES (");
    sql.append(names.values).append(")");
    if (!replace) sql += " ON CONFLICT DO NOTHING";
    Result<sqlite::Statement> prepared = db_.prepare(sql);
    if (!prepared) return fail(prepared.error());
    statement = std::move(*prepared);
  }
  store::Bind bind{statement};
  columns(bind, row);
  return statement.execute();
}

template <class Work>
Result<void> SqliteStoreWriter::transact(Work work) {
  Result<void> done = db_.run("BEGIN IMMEDIATE");
  if (done) done = work();
  if (done) done = db_.run("COMMIT");
  if (done) return done;
  // SQLite may have rolled back by itself; then this says so, which is no news.
  (void)db_.run("ROLLBACK");
  return give_up(done.error());
}

Result<void> SqliteStoreWriter::give_up(const Error& error) {
  std::lock_guard lock(rows_);
  error_ = error;
  queue_.clear();
  return fail(error);
}

Result<std::string> SqliteStoreWriter::current_run() const {
  std::lock_guard lock(rows_);
  if (run_id_.empty()) return fail(ErrorKind::internal, "the store has no run yet");
  return run_id_;
}

Result<void> SqliteStoreWriter::flush() {
  std::vector<QueuedRow> rows;
  {
    std::lock_guard lock(rows_);
    if (error_) return fail(*error_);
    rows.swap(queue_);
  }
  if (rows.empty()) return {};
  return transact([&]() -> Result<void> {
    for (const QueuedRow& queued : rows) {
      Result<void> done = std::visit([this](const auto& row) { return insert(row); }, queued);
      if (!done) return done;
    }
    return {};
  });
}

template <class Work>
Result<void> SqliteStoreWriter::now(Work work) {
  std::lock_guard database(database_);
  if (closed_) return fail(ErrorKind::internal, "the store is closed already");
  if (Result<void> flushed = flush(); !flushed) return flushed;
  return transact(work);
}

Result<store::PriceEntry> to_entry(const std::string& run_id, const PriceRow& price) {
  std::optional<Currency> currency;
  bool mixed = false;
  auto pico = [&](const std::optional<Money>& amount) -> std::optional<std::int64_t> {
    if (!amount) return std::nullopt;
    mixed = mixed || (currency && *currency != amount->currency);
    currency = amount->currency;
    return amount->pico;
  };
  store::PriceEntry entry;
  entry.run_id = run_id;
  entry.provider = price.provider;
  entry.model = price.model;
  entry.input = pico(price.input_per_1m);
  entry.cached_input = pico(price.cached_input_per_1m);
  entry.cache_write = pico(price.cache_write_per_1m);
  entry.output = pico(price.output_per_1m);
  entry.currency = currency.value_or(kUsd).text();
  entry.effective_from = price.effective_from;
  entry.source = price.source;
  entry.verified = price.verified;
  if (mixed) {
    return fail(ErrorKind::invalid_input,
                "the price of \"" + price.key() + "\" is in two currencies", "",
                "give all amounts of a price row in one currency");
  }
  return entry;
}

Result<void> SqliteStoreWriter::begin_run(const RunInfo& run, const std::vector<CellInfo>& cells,
                                          const std::vector<PriceRow>& prices_used) {
  std::vector<store::PriceEntry> prices;
  for (const PriceRow& row : prices_used) {
    Result<store::PriceEntry> entry = to_entry(run.run_id, row);
    if (!entry) return fail(entry.error());
    prices.push_back(std::move(*entry));
  }
  const Result<void> begun = now([&]() -> Result<void> {
    Result<void> done = insert(run);
    for (const CellInfo& cell : cells) {
      if (done) done = insert(store::CellRow{run.run_id, cell});
    }
    for (const store::PriceEntry& price : prices) {
      if (done) done = insert(price);
    }
    return done;
  });
  if (!begun) return begun;
  {
    std::lock_guard lock(rows_);
    run_id_ = run.run_id;
  }
  return set_status(run.status);  // of a run that was there already
}

Result<void> SqliteStoreWriter::begin_sitting(const Sitting& sitting) {
  const Result<std::string> run_id = current_run();
  if (!run_id) return fail(run_id.error());
  const Result<void> begun = now([&]() -> Result<void> {
    Result<void> done = insert(store::SittingRow{*run_id, sitting});
    for (const Sitting::Pair& pair : sitting.clock_pairs) {
      if (done) done = insert(store::ClockPairRow{*run_id, sitting.number, pair});
    }
    return done;
  });
  if (!begun) return begun;
  std::lock_guard lock(rows_);
  sitting_ = sitting.number;
  return {};
}

Result<void> SqliteStoreWriter::set_status(RunStatus status) {
  const Result<std::string> run_id = current_run();
  if (!run_id) return fail(run_id.error());
  return now([&]() -> Result<void> {
    Result<sqlite::Statement> update = db_.prepare("UPDATE run SET status = ? WHERE run_id = ?");
    if (!update) return fail(update.error());
    update->bind_text(to_text(status));
    update->bind_text(*run_id);
    return update->execute();
  });
}

Result<void> SqliteStoreWriter::checkpoint() {
  std::lock_guard database(database_);
  if (closed_) return {};
  if (Result<void> flushed = flush(); !flushed) return flushed;
  // A reader that still looks at old pages only delays the truncation.
  const Result<void> done = db_.run("PRAGMA wal_checkpoint(TRUNCATE)");
  return done ? done : give_up(done.error());
}

Result<void> SqliteStoreWriter::close() {
  {
    std::lock_guard lock(rows_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  Result<void> done = checkpoint();
  std::lock_guard database(database_);
  if (closed_) return done;
  closed_ = true;
  // With a reader in the file it stays in WAL mode, which every later opening understands.
  if (done) (void)db_.run("PRAGMA journal_mode = DELETE");
  prepared_ = {};
  db_ = {};
  lock_.release();
  return done;
}

}  // namespace

Result<std::unique_ptr<StoreWriter>> StoreWriter::open(const std::filesystem::path& path,
                                                       OpenMode mode) {
  Result<store::WritableStore> store = store::open_writable(path, mode);
  if (!store) return fail(store.error());
  return std::make_unique<SqliteStoreWriter>(std::move(*store));
}

}  // namespace pennyweight
