#include "runners/runner.h"

#include <algorithm>
#include <map>
#include <set>

#include "tests/runners/experiment_fixture.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::at_ms;
using test::Bench;

std::vector<std::string> targets_in_order(const Bench& bench, const Experiment& experiment) {
  std::map<std::string, std::string> names;
  for (const auto& cell : experiment.cells) names[cell.cell_id] = cell.target;
  std::vector<std::string> out;
  for (const auto& record : bench.store.records) out.push_back(names[record.cell_id]);
  return out;
}

}  // namespace

TEST_CASE("One request after the other, at exact instants, in ABBA order") {
  Experiment experiment =
      test::open(test::small_plan({"sim:ttft=200ms,tpot=20ms,tokens=3,name=a",
                                   "sim:ttft=100ms,tpot=10ms,tokens=2,send_delay=5ms,name=b"}),
                 4);
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::complete);
  CHECK(result->requests == 8);
  CHECK(result->failed == 0);

  const auto order = targets_in_order(bench, experiment);
  REQUIRE(order.size() == 8);
  const std::string first = order[0];
  for (std::size_t i = 0; i < 8; ++i) CHECK((order[i] == first) == (i % 4 == 0 || i % 4 == 3));

  Instant free{};
  for (std::size_t i = 0; i < 8; ++i) {
    const RequestRecord& r = bench.store.records[i];
    const bool a = order[i] == "a";
    CHECK(r.scheduled == free);
    CHECK(r.issued == free);
    CHECK(r.sent == free + milliseconds(a ? 0 : 5));
    CHECK(r.first_token == *r.sent + milliseconds(a ? 200 : 100));
    CHECK(r.last_token == *r.first_token + milliseconds(a ? 40 : 10));
    CHECK(r.done == r.last_token);
    CHECK(r.block == static_cast<int>(i / 2));
    CHECK(r.order_in_block == static_cast<int>(i % 2));
    CHECK(r.attempt == 1);
    CHECK(r.repeat == 0);
    CHECK(r.phase == Phase::measured);
    const std::size_t row = experiment.task_sets[0].rows[i / 2];
    CHECK(r.task_id == experiment.task_sets[0].set.id(row));
    CHECK(r.prompt_sha256.size() == 64);
    CHECK(r.input_bytes == 6);
    free = *r.done;
  }
}

TEST_CASE("A record is put when it is sent and again when it is done") {
  Experiment experiment =
      test::open(test::small_plan({"sim:ttft=20ms,send_delay=1ms,tokens=1"}), 1);
  Bench bench;
  REQUIRE(bench.run(experiment));
  REQUIRE(bench.store.puts.size() == 2);
  CHECK(bench.store.puts[0].failure == Failure::in_flight);
  CHECK(bench.store.puts[0].sent == at_ms(1));
  CHECK_FALSE(bench.store.puts[0].done);
  CHECK(bench.store.puts[1].failure == Failure::none);
  CHECK(bench.store.puts[1].done == at_ms(21));
}

TEST_CASE("A slot's next request is issued before the last one is put away") {
  // As a local one: sent when it is issued.
  class Prompt final : public Target {
   public:
    const EventSink* sink() const { return sink_; }
    Prompt() { info_.name = "prompt"; }
    const TargetInfo& info() const override { return info_; }
    Result<void> attach(EventLoop& loop, EventSink& sink) override {
      loop_ = &loop;
      sink_ = &sink;
      return {};
    }
    void detach() override { sink_ = nullptr; }
    void issue(RequestId id, const Request&) override {
      const Instant now = loop_->clock().now();
      sink_->on_sent(id, now);
      loop_->call_at(now + milliseconds(10), [this, id] { sink_->on_finished(id, {}); });
    }
    void cancel(RequestId) override {}
    Result<void> check() override { return {}; }

   private:
    TargetInfo info_;
    EventLoop* loop_ = nullptr;
    EventSink* sink_ = nullptr;
  };
  PlanSpec plan = test::small_plan({"sim:name=prompt"});
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, 2}};  // so that a block has more than one
  std::vector<TaskSet> sets;
  sets.push_back(test::small_set(3));
  std::vector<std::unique_ptr<Target>> targets;
  targets.push_back(std::make_unique<Prompt>());
  Experiment experiment = test::open(std::move(plan), std::move(sets), std::move(targets));
  Bench bench;
  REQUIRE(bench.run(experiment));
  CHECK(dynamic_cast<const Prompt&>(*experiment.targets[0]).sink() == nullptr);  // the run is over
  std::vector<bool> done;
  for (const auto& record : bench.store.puts) done.push_back(record.done.has_value());
  CHECK(done == std::vector<bool>{false, false, false, true, true, true});
}

TEST_CASE("Repeats are the outer loop and every task is scored once") {
  PlanSpec plan = test::small_plan({"sim:tokens=1,ttft=10ms"});
  plan.repeat = 3;
  Experiment experiment = test::open(std::move(plan), 2);
  Bench bench;
  REQUIRE(bench.run(experiment));
  REQUIRE(bench.store.records.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(bench.store.records[i].repeat == static_cast<int>(i / 2));
    CHECK(bench.store.records[i].task_id == bench.store.records[i % 2].task_id);
  }
  CHECK(bench.store.scores.size() == 6);
  CHECK(bench.store.tasks.size() == 2);
  for (const auto& score : bench.store.scores) {
    CHECK(score.outcome == Outcome::ok);
    CHECK(score.score == 1.0);
  }
  CHECK(bench.heard.done == std::vector<int>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("Warm-up is stored apart from what is measured and never scored") {
  PlanSpec plan =
      test::small_plan({"sim:tokens=1,ttft=10ms,name=a", "sim:tokens=1,ttft=10ms,name=b"});
  plan.warm_up = 3;
  Experiment experiment = test::open(std::move(plan), 2);
  Bench bench;
  REQUIRE(bench.run(experiment));
  REQUIRE(bench.store.records.size() == 6 + 4);
  std::set<std::tuple<std::string, std::string, int>> keys;
  for (std::size_t i = 0; i < 10; ++i) {
    const auto& r = bench.store.records[i];
    CHECK((r.phase == Phase::warm_up) == (i < 6));
    CHECK((r.repeat < 0) == (i < 6));
    keys.insert({r.cell_id, r.task_id, r.repeat});
  }
  CHECK(keys.size() == 10);
  CHECK(bench.store.scores.size() == 4);
  CHECK(bench.heard.cells ==
        std::vector<std::string>{
            experiment.cells[0].cell_id == bench.store.records[0].cell_id ? "a/small/c1"
                                                                          : "b/small/c1",
            experiment.cells[0].cell_id == bench.store.records[0].cell_id ? "b/small/c1"
                                                                          : "a/small/c1"});
}

TEST_CASE("At concurrency 2 each slot's next request is scheduled when its last one was done") {
  PlanSpec plan = test::small_plan({"sim:ttft=100ms,tokens=1,slots=1"});
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, 2}};
  Experiment experiment = test::open(std::move(plan), 5);
  Bench bench;
  REQUIRE(bench.run(experiment));
  REQUIRE(bench.store.records.size() == 5);
  // The server takes one at a time, so the second of each pair waits: it is in its latency.
  const int scheduled[] = {0, 0, 100, 200, 300};
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(bench.store.records[i].scheduled == at_ms(scheduled[i]));
    CHECK(bench.store.records[i].done == at_ms(100 * static_cast<int>(i + 1)));
  }
}

TEST_CASE("Load points and task sets follow one another, with a checkpoint between") {
  PlanSpec plan =
      test::small_plan({"sim:tokens=1,ttft=1ms,name=a", "sim:tokens=1,ttft=1ms,name=b"});
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, 1},
                LoadPoint{LoadPoint::Kind::closed_loop, 3}};
  Experiment experiment = test::open(std::move(plan), 30);
  Bench bench;
  REQUIRE(bench.run(experiment));
  CHECK(bench.store.records.size() == 120);
  CHECK(bench.store.checkpoints == 1);
  std::map<std::string, int> of_cell;
  for (const auto& r : bench.store.records) ++of_cell[r.cell_id];
  CHECK(of_cell.size() == 4);
  for (const auto& [cell, count] : of_cell) CHECK(count == 30);
}

TEST_CASE("Only one target is at work at a time") {
  PlanSpec plan = test::small_plan({"sim:ttft=30ms,name=a", "sim:ttft=50ms,name=b", "sim:name=c"});
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, 3}};
  Experiment experiment = test::open(std::move(plan), 40);
  Bench bench;
  REQUIRE(bench.run(experiment));
  CHECK(bench.store.records.size() == 120);
  for (const auto& a : bench.store.records) {
    for (const auto& b : bench.store.records) {
      if (a.cell_id != b.cell_id) CHECK((*a.done <= *b.sent || *b.done <= *a.sent));
    }
  }
}

TEST_CASE("A retry is a record of its own, scheduled when its wait was over") {
  Experiment experiment =
      test::open(test::small_plan({"sim:ttft=100ms,tokens=1,fail=0.5,failure=rate_limited"}), 20);
  Bench bench;
  const auto result = bench.run(experiment);
  REQUIRE(result);
  int retried = 0, failed = 0;
  for (std::size_t i = 1; i < bench.store.records.size(); ++i) {
    const auto& before = bench.store.records[i - 1];
    const auto& r = bench.store.records[i];
    if (r.attempt == 1) {
      CHECK(r.scheduled == before.done);
      failed += before.failure != Failure::none;
      continue;
    }
    ++retried;
    CHECK(r.task_id == before.task_id);
    CHECK(r.attempt == before.attempt + 1);
    CHECK(before.failure == Failure::rate_limited);
    CHECK(before.done == *before.scheduled + milliseconds(100));
    const Duration wait = *r.scheduled - *before.done;
    CHECK(wait >= milliseconds(before.attempt == 1 ? 375 : 750));
    CHECK(wait <= milliseconds(before.attempt == 1 ? 500 : 1000));
    CHECK(r.issued == r.scheduled);
    CHECK(e2e_done(r) == Duration(milliseconds(100)));
  }
  failed += bench.store.records.back().failure != Failure::none;
  CHECK(retried > 5);
  CHECK(bench.heard.waits.size() == static_cast<std::size_t>(retried));
  CHECK(result->requests == 20);
  CHECK(result->failed == failed);
  CHECK(bench.store.scores.size() == 20);
}

TEST_CASE("Clock pairs are put at the start, every ten seconds and at the end") {
  Experiment experiment = test::open(test::small_plan({"sim:ttft=5s,tokens=1"}), 5);
  Bench bench;
  REQUIRE(bench.run(experiment));
  REQUIRE(bench.store.pairs.size() == 4);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(bench.store.pairs[i].monotonic == at_ms(10'000 * static_cast<int>(i)));
  }
  CHECK(bench.store.pairs[3].monotonic == at_ms(25'000));
  CHECK(bench.store.pairs[3].realtime - bench.store.pairs[0].realtime == seconds(25));
}

TEST_CASE("Every request begins and ends with an edge mark") {
  Experiment experiment = test::open(test::small_plan({"sim:ttft=100ms,tokens=1"}), 2);
  Bench bench;
  std::vector<Instant> edges;
  bench.options.at_edge = [&] { edges.push_back(bench.clock.now()); };
  REQUIRE(bench.run(experiment));
  CHECK(edges == std::vector<Instant>{at_ms(0), at_ms(100), at_ms(100), at_ms(200)});
}

TEST_CASE("An answer that came whole has an end, and no first token or pace") {
  PlanSpec plan = test::small_plan({"sim:ttft=100ms,tpot=10ms,tokens=3"});
  plan.stream = false;
  Experiment experiment = test::open(std::move(plan), 1);
  Bench bench;
  REQUIRE(bench.run(experiment));
  const RequestRecord& r = bench.store.records.at(0);
  CHECK(r.chunks == std::vector<Chunk>{{at_ms(120), ChunkKind::content, 8, 3}});
  CHECK_FALSE(ttft(r, From::sent));
  CHECK_FALSE(tpot_ns(r));
  CHECK(inter_chunk_gaps(r).empty());
  CHECK(e2e(r, From::sent) == Duration(milliseconds(120)));
  CHECK(output_tokens_per_second(r) == Approx(25));
}

TEST_CASE("Sampling seeds are the same in every run and differ by task and repeat") {
  PlanSpec plan = test::small_plan({"sim:tokens=1,ttft=1ms"});
  plan.temperature = 0.8;
  plan.repeat = 2;
  std::set<std::string> prompts;
  for (int run = 0; run < 2; ++run) {
    Experiment experiment = test::open(plan, 3);
    Bench bench;
    REQUIRE(bench.run(experiment));
    for (const auto& r : bench.store.records) prompts.insert(r.prompt_sha256);
  }
  CHECK(prompts.size() == 6);
}

}  // namespace pennyweight
