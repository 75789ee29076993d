// Rows come back as they were.
#include "metrics/store.h"

#include <algorithm>

#include "tests/metrics/store_samples.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::test;
using namespace std::chrono_literals;

TEST_CASE("a run, its cells and its sittings come back as they were") {
  const TempDir dir;
  {
    auto store = new_store(dir / "run.db");
    REQUIRE(store->begin_run(sample_run(), {sample_cell("second"), sample_cell("first")}, {}));
    REQUIRE(store->begin_sitting({0, {{Instant(0s), UnixTime(1000s)}}}));
    store->put(Sitting::Pair{Instant(10s), UnixTime(1010s)});
    REQUIRE(store->set_status(RunStatus::budget_reached));
    REQUIRE(store->close());
  }
  auto store = reader(dir / "run.db");
  const auto runs = store->runs();
  REQUIRE(runs);
  REQUIRE(runs->size() == 1);
  const RunInfo wanted = sample_run(), &run = (*runs)[0];
  CHECK(run.run_id == wanted.run_id);
  CHECK(run.name == wanted.name);
  CHECK(run.program_version == wanted.program_version);
  CHECK(run.program_commit == wanted.program_commit);
  CHECK(run.build_type == wanted.build_type);
  CHECK(run.plan_toml == wanted.plan_toml);
  CHECK(run.command_line == wanted.command_line);
  CHECK(run.seed == wanted.seed);
  CHECK(run.started == wanted.started);
  CHECK(run.status == RunStatus::budget_reached);
  CHECK(to_value(run.machine) == to_value(wanted.machine));
  CHECK(run.energy_notes == wanted.energy_notes);

  const auto cells = store->cells("run-1");
  REQUIRE(cells);
  REQUIRE(cells->size() == 2);
  const CellInfo cell = sample_cell("second"), &got = (*cells)[0];  // the order of the plan
  CHECK(got.cell_id == "second");
  CHECK(got.target == cell.target);
  CHECK(got.target_kind == cell.target_kind);
  CHECK(got.task_set == cell.task_set);
  CHECK(got.task_set_sha256 == cell.task_set_sha256);
  CHECK(got.load_point == cell.load_point);
  CHECK(got.concurrency == 4);
  CHECK(got.planned_requests == 300);
  CHECK(to_json(got.resolved) == R"({"generate":{"temperature":0.5},"seed":7})");
  CHECK(got.target_facts == cell.target_facts);

  const auto sittings = store->sittings("run-1");
  REQUIRE(sittings);
  REQUIRE(sittings->size() == 1);
  REQUIRE((*sittings)[0].clock_pairs.size() == 2);
  CHECK((*sittings)[0].clock_pairs[1].monotonic == Instant(10s));
  CHECK((*sittings)[0].clock_pairs[1].realtime == UnixTime(1010s));
}

TEST_CASE("a later sitting at another machine, of another program, keeps its own facts") {
  const TempDir dir;
  Sitting later{1, {}};
  later.program_version = "0.1.1";
  later.program_commit = "123456abcdef";
  later.build_type = "Debug";
  later.machine.cpu_model = "Xeon";
  later.machine.sanitizer_build = true;
  later.energy_notes.set("why_none", "no powercap");
  REQUIRE(begun_store(dir / "run.db")->close());
  {
    auto store = StoreWriter::open(dir / "run.db", OpenMode::resume);
    REQUIRE(store);
    REQUIRE((*store)->begin_run(sample_run(), {sample_cell()}, {}));
    REQUIRE((*store)->begin_sitting(later));
    REQUIRE((*store)->close());
  }
  auto store = reader(dir / "run.db");
  CHECK(store->runs()->at(0).machine.cpu_model == "EPYC");
  const auto sittings = store->sittings("run-1");
  REQUIRE(sittings);
  REQUIRE(sittings->size() == 2);
  CHECK((*sittings)[0].program_version.empty());
  const Sitting& got = (*sittings)[1];
  CHECK(got.program_version == later.program_version);
  CHECK(got.program_commit == later.program_commit);
  CHECK(got.build_type == later.build_type);
  CHECK(to_value(got.machine) == to_value(later.machine));
  CHECK(got.energy_notes == later.energy_notes);
}

TEST_CASE("prices come back to the last unit of money") {
  const TempDir dir;
  PriceRow price;
  price.provider = "clova";
  price.model = "HCX-DASH@>128k";
  price.input_per_1m = Money{9'000'000'000'000'000, kKrw};
  price.output_per_1m = Money{1, kKrw};
  price.effective_from = "2024-06-17";
  price.source = "https://www.ncloud.com/charge";
  price.verified = true;
  PriceRow unknown;
  unknown.provider = "x";
  unknown.model = "y";
  auto writer = new_store(dir / "run.db");
  REQUIRE(writer->begin_run(sample_run(), {}, {price, unknown}));
  auto store = reader(dir / "run.db");
  const auto prices = store->prices("run-1");
  REQUIRE(prices);
  REQUIRE(prices->size() == 2);
  CHECK((*prices)[0].provider == price.provider);
  CHECK((*prices)[0].model == price.model);
  CHECK((*prices)[0].input_per_1m == price.input_per_1m);
  CHECK(!(*prices)[0].cached_input_per_1m);
  CHECK((*prices)[0].output_per_1m == price.output_per_1m);
  CHECK((*prices)[0].effective_from == price.effective_from);
  CHECK((*prices)[0].source == price.source);
  CHECK((*prices)[0].verified);
  CHECK(!(*prices)[1].input_per_1m);
  CHECK(!(*prices)[1].verified);
}

TEST_CASE("a record comes back as it was, bytes that are no text included") {
  const TempDir dir;
  auto store = begun_store(dir / "run.db");
  const RequestRecord r = sample_record();
  store->put(r);
  RequestRecord bare;
  bare.run_id = "run-1";
  bare.cell_id = "cell-1";
  bare.task_id = "bare";
  store->put(bare);
  REQUIRE(store->checkpoint());
  const auto got = records(*reader(dir / "run.db"));
  REQUIRE(got.size() == 2);
  CHECK(got[0].task_id == "bare");
  CHECK(!got[0].scheduled);
  CHECK(!got[0].done);
  CHECK(!got[0].connection_reused);
  CHECK(got[0].usage == Usage{});
  CHECK(got[0].chunks.empty());
  CHECK(got[0].answer.empty());
  const RequestRecord& b = got[1];
  CHECK(b.run_id == r.run_id);
  CHECK(b.cell_id == r.cell_id);
  CHECK(b.task_id == r.task_id);
  CHECK(b.repeat == r.repeat);
  CHECK(b.attempt == r.attempt);
  CHECK(b.sitting == r.sitting);
  CHECK(b.block == r.block);
  CHECK(b.order_in_block == r.order_in_block);
  CHECK(b.phase == r.phase);
  CHECK(b.role == r.role);
  CHECK(b.scheduled == r.scheduled);
  CHECK(b.issued == r.issued);
  CHECK(b.sent == r.sent);
  CHECK(b.first_token == r.first_token);
  CHECK(b.last_token == r.last_token);
  CHECK(b.done == r.done);
  CHECK(b.connected == r.connected);
  CHECK(b.tls_done == r.tls_done);
  CHECK(b.header == r.header);
  CHECK(b.connection_reused == r.connection_reused);
  CHECK(b.chunks == r.chunks);
  CHECK(b.usage == r.usage);
  CHECK(b.failure == r.failure);
  CHECK(b.finish == r.finish);
  CHECK(b.http_status == r.http_status);
  CHECK(b.error_message == r.error_message);
  CHECK(b.answer == r.answer);
  CHECK(b.answer.size() == 15);
  CHECK(b.reasoning == r.reasoning);
  CHECK(b.model_served == r.model_served);
  CHECK(b.provider_request_id == r.provider_request_id);
  CHECK(b.prompt_sha256 == r.prompt_sha256);
  CHECK(b.input_bytes == r.input_bytes);
}

TEST_CASE("records come in the order of their schedule, and reading can stop") {
  const TempDir dir;
  auto store = begun_store(dir / "run.db");
  for (const int at : {30, 10, 20}) {
    RequestRecord r = sample_record("task-" + std::to_string(at));
    r.scheduled = Instant(Duration(at));
    store->put(r);
  }
  RequestRecord later = sample_record("later");
  later.sitting = 1;  // its instants count from another epoch
  later.scheduled = Instant(Duration(5));
  store->put(later);
  RequestRecord elsewhere = sample_record("elsewhere");
  elsewhere.cell_id = "cell-2";
  store->put(elsewhere);
  REQUIRE(store->close());
  auto r = reader(dir / "run.db");
  std::string order;
  for (const RequestRecord& b : records(*r)) order += b.task_id + " ";
  CHECK(order == "task-10 task-20 task-30 later ");
  int seen = 0;
  REQUIRE(r->for_each_record("run-1", "cell-1", [&](const RequestRecord&) { return ++seen < 2; }));
  CHECK(seen == 2);
  CHECK(records(*r).size() == 4);  // and can begin again
}

TEST_CASE("tasks, scores and energy come back, a new score replacing the old") {
  const TempDir dir;
  auto store = begun_store(dir / "run.db");
  StoredTask task{"aa", "task-1", "급", Value(Value::Map{{"target", Value("사십이")}})};
  store->put(task);
  store->put(task);
  store->put(StoredScore{"cell-1", "task-1", 0, "exact_match|v1", Outcome::ok, 0.0, "41"});
  store->put(StoredScore{"cell-1", "task-1", 0, "exact_match|v2", Outcome::ok, 1.0,
                         std::string("4\0", 2)});
  store->put(StoredScore{"cell-1", "task-1", 1, "exact_match|v2", Outcome::unparsed, {}, ""});
  EnergySourceInfo source{"rapl:0", "package-0",  EnergyDomain::package,
                          "/sys/x", 262143328850, EnergyState::measured,
                          "",       true};
  store->put(source);
  store->put(EnergySample{"rapl:0", Instant(1s), 18446744073709551615ULL, true});
  REQUIRE(store->begin_sitting({1, {}}));
  store->put(EnergySample{"rapl:0", Instant(1s), 7, false});
  REQUIRE(store->close());

  auto r = reader(dir / "run.db");
  const auto tasks = r->tasks("run-1");
  REQUIRE(tasks);
  REQUIRE(tasks->size() == 1);
  CHECK((*tasks)[0].task_set_sha256 == "aa");
  CHECK((*tasks)[0].task_id == "task-1");
  CHECK((*tasks)[0].group == "급");
  CHECK((*tasks)[0].row == task.row);
  const auto scores = r->scores("run-1");
  REQUIRE(scores);
  REQUIRE(scores->size() == 2);
  const auto rescored = std::find_if(scores->begin(), scores->end(),
                                     [](const StoredScore& s) { return s.repeat == 0; });
  CHECK(rescored->signature == "exact_match|v2");
  CHECK(rescored->score == 1.0);
  CHECK(rescored->extracted == std::string("4\0", 2));
  const auto blank = std::find_if(scores->begin(), scores->end(),
                                  [](const StoredScore& s) { return s.repeat == 1; });
  CHECK(blank->outcome == Outcome::unparsed);
  CHECK(!blank->score);
  const auto sources = r->energy_sources("run-1");
  REQUIRE(sources);
  REQUIRE(sources->size() == 1);
  CHECK((*sources)[0].id == "rapl:0");
  CHECK((*sources)[0].domain == EnergyDomain::package);
  CHECK((*sources)[0].range_uj == 262143328850);
  CHECK((*sources)[0].state == EnergyState::measured);
  CHECK((*sources)[0].counted);
  const auto samples = r->energy_samples("run-1");
  REQUIRE(samples);
  REQUIRE(samples->size() == 2);
  CHECK((*samples)[0].raw_uj == 18446744073709551615ULL);
  CHECK((*samples)[0].at == Instant(1s));
  CHECK((*samples)[0].sitting == 0);
  CHECK((*samples)[1].sitting == 1);
  CHECK(!(*samples)[1].ok);
  CHECK(r->sittings("run-1")->size() == 2);
}
