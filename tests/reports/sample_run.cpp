#include "tests/reports/sample_run.h"

#include "metrics/cost.h"
#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace std::chrono_literals;

constexpr int kTasks = 80;
const char* const kRun = "01902000-0000-7000-8000-000000000001";
const char* const kSet = "5e7";  // stands for a hash

CellInfo cell(const char* id, const char* target, const char* kind, const CostRule& rule) {
  CellInfo out;
  out.cell_id = id;
  out.target = target;
  out.target_kind = kind;
  out.task_set = "ko_number";
  out.task_set_sha256 = kSet;
  out.load_point = "c1";
  out.planned_requests = kTasks;
  out.resolved.set("target", target);
  out.target_facts.set("model", "m");
  out.target_facts.set("cost", to_value(rule));
  return out;
}

CostRule hourly() {
  CostRule rule;
  rule.kind = CostRule::Kind::machine;
  rule.machine.per_hour = parse_money("0.40", kUsd);
  rule.machine.electricity_per_kwh = parse_money("0.15", kUsd);
  rule.words = in_words(rule.machine);
  return rule;
}

PriceRow price() {
  PriceRow row;
  row.provider = "groq";
  row.model = "llama-3.1-8b-instant";
  row.input_per_1m = parse_money("0.05", kUsd);
  row.output_per_1m = parse_money("0.08", kUsd);
  row.effective_from = "2024-05-14";
  row.source = "a page";
  row.verified = true;
  return row;
}

CostRule by_tokens() {
  CostRule rule;
  rule.kind = CostRule::Kind::tokens;
  rule.price_key = price().key();
  rule.illustrative = true;
  rule.words = in_words(price());
  return rule;
}

RequestRecord answered(const std::string& cell_id, int i, Duration offset) {
  RequestRecord r;
  r.run_id = kRun;
  r.cell_id = cell_id;
  r.task_id = "t" + std::to_string(i);
  const Instant scheduled = Instant(1s * i) + offset;
  r.scheduled = scheduled;
  r.issued = scheduled + 1ms;
  r.sent = scheduled + 2ms;
  for (int k = 0; k < 10; ++k) {
    r.chunks.push_back({scheduled + 100ms + 1ms * i + 10ms * k, ChunkKind::content, 1, 1});
  }
  derive_token_instants(r);
  r.done = *r.last_token + 1ms;
  r.usage = {20, std::nullopt, 10, std::nullopt, TokenSource::engine_exact};
  r.finish = Finish::stop;
  r.answer = "answer " + std::to_string(i);
  r.model_served = "m-2024";
  r.input_bytes = 60;
  return r;
}

void add_failure(StoredRun& run, const std::string& cell_id, int i, Duration offset) {
  for (int attempt = 1; attempt <= 2; ++attempt) {
    RequestRecord r = answered(cell_id, i, offset + 100ms * (attempt - 1));
    r.attempt = attempt;
    r.chunks.clear();
    r.first_token = r.last_token = std::nullopt;
    r.done = *r.sent + 50ms;
    r.usage = {};
    r.finish = Finish::none;
    r.failure = Failure::server_error;
    r.http_status = 503;
    r.error_message = "overloaded\n::error::x";
    r.answer.clear();
    run.records.push_back(r);
  }
}

void add_score(StoredRun& run, const RequestRecord& r, Outcome outcome,
               std::optional<double> score) {
  StoredScore s;
  s.cell_id = r.cell_id;
  s.task_id = r.task_id;
  s.signature = "exact_match|v1";
  s.outcome = outcome;
  s.score = score;
  s.extracted = r.answer;
  run.scores.push_back(s);
}

void add_small(StoredRun& run) {
  RequestRecord warm_up = answered("small", 0, -2s);
  warm_up.phase = Phase::warm_up;
  run.records.push_back(warm_up);
  for (int i = 0; i < kTasks; ++i) {
    run.records.push_back(answered("small", i, 0ms));
    add_score(run, run.records.back(), Outcome::ok, i < 60 ? 1.0 : 0.0);
  }
}

void add_large(StoredRun& run) {
  for (int i = 0; i < kTasks; ++i) {
    if (i >= 76) {
      add_failure(run, "large", i, 500ms);
      add_score(run, run.records.back(), Outcome::error, std::nullopt);
      continue;
    }
    run.records.push_back(answered("large", i, 500ms));
    const bool cut = i < 2;
    if (cut) run.records.back().finish = Finish::length;
    add_score(run, run.records.back(), cut ? Outcome::truncated : Outcome::ok, 1.0);
  }
}

class StoreInMemory final : public StoreReader {
 public:
  explicit StoreInMemory(std::vector<StoredRun> runs) : runs_(std::move(runs)) {}
  Result<std::vector<RunInfo>> runs() override {
    std::vector<RunInfo> out;
    for (const StoredRun& run : runs_) out.push_back(run.run);
    return out;
  }
  Result<std::vector<CellInfo>> cells(const std::string& id) override { return of(id).cells; }
  Result<std::vector<Sitting>> sittings(const std::string& id) override { return of(id).sittings; }
  Result<std::vector<PriceRow>> prices(const std::string& id) override { return of(id).prices; }
  Result<void> for_each_record(const std::string& id, const std::string& cell_id,
                               const std::function<bool(const RequestRecord&)>& visit) override {
    for (const RequestRecord& r : of(id).records) {
      if (r.cell_id == cell_id && !visit(r)) break;
    }
    return {};
  }
  Result<std::vector<StoredTask>> tasks(const std::string& id) override { return of(id).tasks; }
  Result<std::vector<StoredScore>> scores(const std::string& id) override { return of(id).scores; }
  Result<std::vector<EnergySourceInfo>> energy_sources(const std::string& id) override {
    return of(id).sources;
  }
  Result<std::vector<EnergySample>> energy_samples(const std::string& id) override {
    return of(id).samples;
  }

 private:
  const StoredRun& of(const std::string& id) const {
    for (const StoredRun& run : runs_) {
      if (run.run.run_id == id) return run;
    }
    FAIL("no run " << id);
    return runs_.front();
  }
  std::vector<StoredRun> runs_;
};

}  // namespace

StoredRun sample_run() {
  StoredRun out;
  out.run.run_id = kRun;
  out.run.name = "송장";
  out.run.program_version = "0.1.0";
  out.run.program_commit = "abcdef0123456789";
  out.run.build_type = "Release";
  out.run.plan_toml = "[run]\nname = \"송장\"\n";
  out.run.started = UnixTime(1'718'582'400s);  // 2024-06-17
  out.run.status = RunStatus::complete;
  out.run.machine.cpu_model = "Example CPU @ 2.40GHz";
  out.run.machine.cores_allowed = 2;
  out.run.machine.memory_bytes = std::uint64_t{8} << 30;
  out.run.machine.kernel = "Linux 6.1.0";
  out.cells = {cell("small", "demo-small", "local", hourly()),
               cell("large", "demo-large", "remote", by_tokens())};
  out.cells[0].target_facts.set("quantization", "Q4_0");
  out.sittings = {{0, {{Instant(0s), out.run.started}}}};
  out.prices = {price()};
  for (int i = 0; i < kTasks; ++i) {
    StoredTask task;
    task.task_set_sha256 = kSet;
    task.task_id = "t" + std::to_string(i);
    task.row.set("targets", Value::List{"answer " + std::to_string(i)});
    task.row.set("choices", Value::List{});
    task.row.set("scorer", Value::Map{{"name", "exact_match"}, {"parameters", Value()}});
    out.tasks.push_back(task);
  }
  add_small(out);
  add_large(out);
  EnergySourceInfo source;
  source.id = "rapl:0";
  source.name = "package-0";
  source.state = EnergyState::measured;
  source.counted = true;
  out.sources = {source};
  for (int i = 0; i <= 1000; ++i) {  // 10 W from -5 s to 95 s, a sample each 0.1 s
    EnergySample sample;
    sample.source_id = source.id;
    sample.at = Instant(-5s + 100ms * i);
    sample.raw_uj = static_cast<std::uint64_t>(i) * 1'000'000;
    out.samples.push_back(sample);
  }
  return out;
}

void write_store(const StoredRun& run, const std::filesystem::path& path) {
  auto store = StoreWriter::open(path, OpenMode::create_new);
  REQUIRE(store);
  REQUIRE((*store)->begin_run(run.run, run.cells, run.prices));
  for (const Sitting& sitting : run.sittings) REQUIRE((*store)->begin_sitting(sitting));
  for (const auto& source : run.sources) (*store)->put(source);
  for (const auto& task : run.tasks) (*store)->put(task);
  for (const auto& record : run.records) (*store)->put(record);
  for (const auto& score : run.scores) (*store)->put(score);
  for (const auto& sample : run.samples) (*store)->put(sample);
  REQUIRE((*store)->set_status(run.run.status));
  REQUIRE((*store)->close());
}

std::unique_ptr<StoreReader> store_of(std::vector<StoredRun> runs) {
  return std::make_unique<StoreInMemory>(std::move(runs));
}

}  // namespace pennyweight::test
