// The tables of a store: one list of columns each. From it come the DDL, the INSERT, what is bound
// and what is read back, so that they cannot differ. Append columns with a new kStoreVersion, never
// rename. Private to store_*.cpp.
#pragma once

#include <concepts>
#include <string>
#include <tuple>
#include <type_traits>

#include "metrics/store_columns.h"

namespace pennyweight::store {

// Rows whose struct does not name its run or sitting get them here.
struct SittingRow {
  std::string run_id;
  Sitting sitting;  // its pairs are rows of their own
};
struct ClockPairRow {
  std::string run_id;
  int sitting = 0;
  Sitting::Pair pair;
};
struct CellRow {
  std::string run_id;
  CellInfo cell;
};
struct TaskRow {
  std::string run_id;
  StoredTask task;
};
struct ScoreRow {
  std::string run_id;
  StoredScore score;
};
struct SourceRow {
  std::string run_id;
  EnergySourceInfo source;
};
struct SampleRow {
  std::string run_id;
  EnergySample sample;
};
// Exact: 1e-12 of the currency, which all amounts of a row share.
struct PriceEntry {
  std::string run_id, provider, model, currency;
  std::optional<std::int64_t> input, cached_input, cache_write, output;
  std::string effective_from, source;
  bool verified = false;
};

// A row as bound (const) or as read.
template <class R, class Row>
concept RowOf = std::same_as<std::remove_const_t<R>, Row>;

struct Table {
  std::string_view name, key;                 // key: the columns of the primary key
  enum Again : bool { keep, replace } again;  // what a second row of the same key does to the first
};
// Each row has one; none of this type.
template <class Row>
inline constexpr std::nullptr_t table = nullptr;

template <>
inline constexpr Table table<RunInfo>{"run", "run_id", Table::keep};
template <class F, RowOf<RunInfo> R>
void columns(F& f, R& r) {
  f("run_id", r.run_id);
  f("name", r.name);
  f("program_version", r.program_version);
  f("program_commit", r.program_commit);
  f("build_type", r.build_type);
  f("plan_toml", r.plan_toml);
  f("command_line", r.command_line);
  f("seed", r.seed);
  f("started_unix_ns", r.started);
  f("status", r.status);
  f("machine_json", r.machine);
  f("energy_notes_json", r.energy_notes);
}

template <>
inline constexpr Table table<SittingRow>{"sitting", "run_id, sitting", Table::keep};
template <class F, RowOf<SittingRow> R>
void columns(F& f, R& r) {
  auto& s = r.sitting;
  f("run_id", r.run_id);
  f("sitting", s.number);
  f("program_version", s.program_version);
  f("program_commit", s.program_commit);
  f("build_type", s.build_type);
  f("machine_json", s.machine);
  f("energy_notes_json", s.energy_notes);
}

template <>
inline constexpr Table table<ClockPairRow>{"clock_pair", "run_id, sitting, monotonic_ns",
                                           Table::replace};
template <class F, RowOf<ClockPairRow> R>
void columns(F& f, R& r) {
  f("run_id", r.run_id);
  f("sitting", r.sitting);
  f("monotonic_ns", r.pair.monotonic);
  f("unix_ns", r.pair.realtime);
}

template <>
inline constexpr Table table<CellRow>{"cell", "run_id, cell_id", Table::keep};
template <class F, RowOf<CellRow> R>
void columns(F& f, R& r) {
  auto& c = r.cell;
  f("run_id", r.run_id);
  f("cell_id", c.cell_id);
  f("target", c.target);
  f("target_kind", c.target_kind);
  f("task_set", c.task_set);
  f("task_set_sha256", c.task_set_sha256);
  f("load_point", c.load_point);
  f("concurrency", c.concurrency);
  f("planned_requests", c.planned_requests);
  f("resolved_json", c.resolved);
  f("target_facts_json", c.target_facts);
}

template <>
inline constexpr Table table<PriceEntry>{"price", "run_id, provider, model, effective_from",
                                         Table::keep};
template <class F, RowOf<PriceEntry> R>
void columns(F& f, R& r) {
  f("run_id", r.run_id);
  f("provider", r.provider);
  f("model", r.model);
  f("currency", r.currency);
  f("input_per_1m_pico", r.input);
  f("cached_input_per_1m_pico", r.cached_input);
  f("cache_write_per_1m_pico", r.cache_write);
  f("output_per_1m_pico", r.output);
  f("effective_from", r.effective_from);
  f("source", r.source);
  f("verified", r.verified);
}

template <>
inline constexpr Table table<TaskRow>{"task", "run_id, task_set_sha256, task_id", Table::keep};
template <class F, RowOf<TaskRow> R>
void columns(F& f, R& r) {
  f("run_id", r.run_id);
  f("task_set_sha256", r.task.task_set_sha256);
  f("task_id", r.task.task_id);
  f("task_group", r.task.group);
  f("row_json", r.task.row);
}

// The key holds sitting and phase too: a warm-up or a repeated attempt of a later sitting adds a
// row, so that no spend is forgotten.
template <>
inline constexpr Table table<RequestRecord>{
    "request", "run_id, cell_id, task_id, repeat, attempt, role, phase, sitting", Table::replace};
template <class F, RowOf<RequestRecord> R>
void columns(F& f, R& r) {
  f("run_id", r.run_id);
  f("cell_id", r.cell_id);
  f("task_id", r.task_id);
  f("repeat", r.repeat);
  f("attempt", r.attempt);
  f("role", r.role);
  f("phase", r.phase);
  f("sitting", r.sitting);
  f("block", r.block);
  f("order_in_block", r.order_in_block);
  f("scheduled_ns", r.scheduled);
  f("issued_ns", r.issued);
  f("sent_ns", r.sent);
  f("first_token_ns", r.first_token);
  f("last_token_ns", r.last_token);
  f("done_ns", r.done);
  f("connected_ns", r.connected);
  f("tls_done_ns", r.tls_done);
  f("header_ns", r.header);
  f("connection_reused", r.connection_reused);
  f("input_tokens", r.usage.input_tokens);
  f("cached_tokens", r.usage.cached_tokens);
  f("output_tokens", r.usage.output_tokens);
  f("reasoning_tokens", r.usage.reasoning_tokens);
  f("token_source", r.usage.source);
  f("failure", r.failure);
  f("finish", r.finish);
  f("http_status", r.http_status);
  f("error_message", r.error_message);
  f("model_served", r.model_served);
  f("provider_request_id", r.provider_request_id);
  f("prompt_sha256", r.prompt_sha256);
  f("input_bytes", r.input_bytes);
  f("chunks", r.chunks);
  f("answer", Raw{r.answer});
  f("reasoning", Raw{r.reasoning});
}

template <>
inline constexpr Table table<ScoreRow>{"score", "run_id, cell_id, task_id, repeat", Table::replace};
template <class F, RowOf<ScoreRow> R>
void columns(F& f, R& r) {
  auto& s = r.score;
  f("run_id", r.run_id);
  f("cell_id", s.cell_id);
  f("task_id", s.task_id);
  f("repeat", s.repeat);
  f("signature", s.signature);
  f("outcome", s.outcome);
  f("score", s.score);
  f("extracted", Raw{s.extracted});
}

template <>
inline constexpr Table table<SourceRow>{"energy_source", "run_id, source_id", Table::replace};
template <class F, RowOf<SourceRow> R>
void columns(F& f, R& r) {
  auto& s = r.source;
  f("run_id", r.run_id);
  f("source_id", s.id);
  f("name", s.name);
  f("domain", s.domain);
  f("path", s.path);
  f("range_uj", s.range_uj);
  f("state", s.state);
  f("reason", s.reason);
  f("counted", s.counted);
}

template <>
inline constexpr Table table<SampleRow>{"energy_sample", "run_id, sitting, source_id, at_ns",
                                        Table::replace};
template <class F, RowOf<SampleRow> R>
void columns(F& f, R& r) {
  auto& s = r.sample;
  f("run_id", r.run_id);
  f("sitting", s.sitting);
  f("source_id", s.source_id);
  f("at_ns", s.at);
  f("raw_uj", s.raw_uj);
  f("ok", s.ok);
}

using Rows = std::tuple<RunInfo, SittingRow, ClockPairRow, CellRow, PriceEntry, TaskRow,
                        RequestRecord, ScoreRow, SourceRow, SampleRow>;

// "create table ... strict" for all of Rows.
std::string schema_sql();

// A database without tables and marks: empty, or of a run killed while it made them.
Result<bool> is_blank(sqlite::Database& db);
// Refuses what is not ours, by application_id, what is blank, and another format, by its number.
Result<void> check_format(sqlite::Database& db);
// That refusal of a store in which no run began.
Result<void> holds_no_run(const sqlite::Database& db);

struct ColumnNames {
  std::string list;    // "a, b, c"
  std::string values;  // "?, ?, ?"
  std::string ddl;     // "a TEXT NOT NULL, b INTEGER, ..."
  template <class V>
  void operator()(std::string_view name, V&&) {
    using T = std::remove_cvref_t<V>;
    const std::string_view comma = list.empty() ? "" : ", ";
    list.append(comma).append(name);
    values.append(comma).append("?");
    ddl.append(comma).append(name).append(" ").append(Codec<T>::type);
    if (!nullable<T>) ddl.append(" NOT NULL");
  }
};
template <class Row>
ColumnNames column_names() {
  ColumnNames names;
  Row row;
  columns(names, row);
  return names;
}

struct Bind {
  sqlite::Statement& statement;
  template <class V>
  void operator()(std::string_view, const V& value) {
    Codec<V>::bind(statement, value);
  }
};

struct Take {
  sqlite::Statement& statement;
  std::string_view damaged = {};  // first column that this version cannot read
  template <class V>
  void operator()(std::string_view name, V&& value) {
    if (!Codec<std::remove_cvref_t<V>>::take(statement, value) && damaged.empty()) damaged = name;
  }
};

}  // namespace pennyweight::store
