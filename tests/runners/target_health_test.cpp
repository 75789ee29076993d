// When a target is given up, and what that leaves for another sitting.
#include "runners/target_health.h"

#include <functional>
#include <map>
#include <set>

#include "runners/runner.h"
#include "tests/runners/experiment_fixture.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

using std::chrono::milliseconds;
using test::Bench;

RequestRecord ended(Failure failure) {
  RequestRecord out;
  out.sent = Instant{};
  out.failure = failure;
  out.error_message = "it said " + std::string(to_text(failure));
  return out;
}

TargetHealth after(const std::vector<Failure>& failures) {
  TargetHealth health;
  for (const Failure failure : failures) health.take(ended(failure));
  return health;
}

// Answers each attempt after 10 ms as `how` says of its number, from 0.
class Told final : public Target {
 public:
  Told(std::string name, std::function<Failure(int)> how) : how_(std::move(how)) {
    info_.name = std::move(name);
    info_.kind = "simulated";
  }
  int attempts() const { return attempts_; }
  const TargetInfo& info() const override { return info_; }
  Result<void> attach(EventLoop& loop, EventSink& sink) override {
    loop_ = &loop;
    sink_ = &sink;
    return {};
  }
  void detach() override {}
  void issue(RequestId id, const Request&) override {
    Completion out;
    out.sent = loop_->clock().now();
    out.failure = how_(attempts_++);
    out.answer = out.failure == Failure::none ? "ok" : "";
    loop_->call_at(*out.sent + milliseconds(10), [this, id, out] { sink_->on_finished(id, out); });
  }
  void cancel(RequestId) override {}
  Result<void> check() override { return {}; }

 private:
  std::function<Failure(int)> how_;
  TargetInfo info_;
  EventLoop* loop_ = nullptr;
  EventSink* sink_ = nullptr;
  int attempts_ = 0;
};

Experiment open_told(std::function<Failure(int)> how, int concurrency, int tasks) {
  PlanSpec plan = test::small_plan({"sim:name=dies", "sim:name=lives"});
  plan.loads = {LoadPoint{LoadPoint::Kind::closed_loop, concurrency}};
  std::vector<TaskSet> sets;
  sets.push_back(test::small_set(tasks));
  std::vector<std::unique_ptr<Target>> targets;
  targets.push_back(std::make_unique<Told>("dies", std::move(how)));
  targets.push_back(std::make_unique<Told>("lives", [](int) { return Failure::none; }));
  return test::open(std::move(plan), std::move(sets), std::move(targets));
}

std::map<std::string, std::set<std::string>> tasks_by_cell(const Bench& bench) {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& r : bench.store.records) out[r.cell_id].insert(r.task_id);
  return out;
}

}  // namespace

TEST_CASE("A target that never answered is given up after three, one that did after five") {
  const Failure hopeless =
      GENERATE(Failure::connect, Failure::tls, Failure::truncated, Failure::authentication);
  std::vector<Failure> failures(2, hopeless);
  CHECK_FALSE(after(failures).given_up());
  failures.push_back(hopeless);
  CHECK(after(failures).given_up());
  failures.insert(failures.begin(), Failure::none);
  failures.push_back(hopeless);
  CHECK_FALSE(after(failures).given_up());
  failures.push_back(hopeless);
  CHECK(after(failures).given_up());
  failures.push_back(Failure::none);
  CHECK(after(failures).given_up());  // for the rest of the run
}

TEST_CASE("Whatever came back as an answer ends the row") {
  const Failure answer = GENERATE(Failure::none, Failure::rate_limited, Failure::server_error,
                                  Failure::bad_request, Failure::protocol, Failure::timeout);
  std::vector<Failure> failures;
  for (int i = 0; i < 5; ++i) {
    failures.push_back(answer);
    failures.insert(failures.end(), 4, Failure::connect);
  }
  CHECK_FALSE(after(failures).given_up());
  CHECK_FALSE(after(failures).loss("t", 1));
  CHECK_FALSE(after(std::vector<Failure>(20, answer)).given_up());
}

TEST_CASE("A reset before the reply and a connection that never came about did not reach it") {
  RequestRecord record = ended(Failure::truncated);
  CHECK(is_unreached(record));
  record.header = Instant{};
  CHECK_FALSE(is_unreached(record));
  record = ended(Failure::timeout);
  CHECK_FALSE(is_unreached(record));
  record.sent.reset();
  CHECK(is_unreached(record));
}

TEST_CASE("What is told of a lost target says how many, why and how to go on") {
  const auto key = after({Failure::none, Failure::connect, Failure::connect, Failure::connect,
                          Failure::connect, Failure::authentication})
                       .loss("paid", 12);
  REQUIRE(key);
  CHECK(key->kind == ErrorKind::authentication);
  CHECK(key->what ==
        "target \"paid\" was given up: the last 5 of its requests were refused for their key");
  CHECK(key->why == "it said authentication");
  CHECK(key->fix.find("--resume") != std::string::npos);
  CHECK(key->fix.find("the 12 requests that were not sent") != std::string::npos);
  const auto never = after({Failure::connect}).loss("down", 0);
  REQUIRE(never);
  CHECK(never->kind == ErrorKind::unreachable);
  CHECK(never->what.find("never answered") != std::string::npos);
  CHECK_FALSE(TargetHealth().loss("unused", 5));
}

TEST_CASE("A target that dies in the middle is asked five more, the other goes on, resume asks") {
  const bool dead_key = GENERATE(false, true);
  const Failure failure = dead_key ? Failure::authentication : Failure::connect;
  Bench bench;
  Experiment experiment = open_told([&](int n) { return n < 10 ? Failure::none : failure; }, 1, 40);
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(result->end == RunEnd::complete);
  CHECK(result->requests == 15 + 40);
  CHECK(result->failed == 5);
  REQUIRE(result->lost.size() == 1);
  CHECK(result->lost[0].kind == (dead_key ? ErrorKind::authentication : ErrorKind::unreachable));
  CHECK(result->lost[0].fix.find("the 25 requests that were not sent") != std::string::npos);
  const std::string dies = experiment.cells[0].cell_id, lives = experiment.cells[1].cell_id;
  auto tasks = tasks_by_cell(bench);
  CHECK(tasks[dies].size() == 15);  // what was not sent is no row
  CHECK(tasks[lives].size() == 40);
  CHECK(bench.store.records.size() == 10 + 5 * (dead_key ? 1 : 3) + 40);

  Experiment second = open_told([](int) { return Failure::none; }, 1, 40);
  test::MemoryReader reader(bench.store);
  REQUIRE(resume_from(reader, "run", second));
  bench.options.sitting = 1;
  bench.loop = make_simulated_event_loop(bench.clock);
  const auto resumed = bench.run(second);
  REQUIRE(resumed);
  CHECK(resumed->requests == 30);
  CHECK(resumed->lost.empty());
  CHECK(dynamic_cast<const Told&>(*second.targets[1]).attempts() == 0);
  std::map<std::string, int> answered;
  for (const auto& r : bench.store.records) {
    if (r.cell_id == dies && r.failure == Failure::none) ++answered[r.task_id];
  }
  CHECK(answered.size() == 40);
  for (const auto& [task, count] : answered) CHECK(count == 1);
}

TEST_CASE("With several in flight nothing is sent once the fifth has failed") {
  Bench bench;
  Experiment experiment =
      open_told([](int n) { return n < 16 ? Failure::none : Failure::authentication; }, 4, 200);
  const auto result = bench.run(experiment);
  REQUIRE(result);
  REQUIRE(result->lost.size() == 1);
  const auto& dies = dynamic_cast<const Told&>(*experiment.targets[0]);
  // The four of a wave end at one instant: the fifth failure is the first of the second wave, when
  // its three fellows are on their way.
  CHECK(dies.attempts() == 16 + 8);
  CHECK(tasks_by_cell(bench)[experiment.cells[1].cell_id].size() == 200);
}

TEST_CASE("Retries that wait are not sent after their target was given up") {
  Bench bench;
  // Refused for their key at once, but the first of each wave could not connect and waits.
  Experiment experiment = open_told(
      [](int n) {
        return n < 16 ? Failure::none : n == 16 ? Failure::connect : Failure::authentication;
      },
      4, 200);
  const auto result = bench.run(experiment);
  REQUIRE(result);
  CHECK(bench.heard.waits.size() == 1);
  const std::string dies = experiment.cells[0].cell_id;
  for (const auto& r : bench.store.records) {
    if (r.cell_id == dies) CHECK(r.attempt == 1);
  }
}

}  // namespace pennyweight
