// What a store keeps when its process is killed or its disk is full. The writers are children.
#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <thread>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metrics/store.h"
#include "tests/metrics/store_samples.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::test;
using namespace std::chrono_literals;

namespace {

using Steady = std::chrono::steady_clock;

std::unique_ptr<StoreWriter> begin(const std::filesystem::path& path) {
  auto store = StoreWriter::open(path, OpenMode::create_new);
  if (!store || !(*store)->begin_run(sample_run(), {sample_cell()}, {}) ||
      !(*store)->begin_sitting({0, {}})) {
    _exit(3);
  }
  return std::move(*store);
}

// Puts numbered records, and says through the pipe when each was put, until it is killed.
[[noreturn]] void write_until_killed(const std::filesystem::path& path, int pipe) {
  auto store = begin(path);
  for (int i = 0;; ++i) {
    RequestRecord r = sample_record(std::to_string(i));
    r.scheduled = Instant(Duration(i));
    r.failure = Failure::in_flight;
    store->put(r);
    r.failure = Failure::none;
    store->put(r);
    const auto now = Steady::now().time_since_epoch().count();
    if (::write(pipe, &now, sizeof now) != sizeof now) _exit(4);
    std::this_thread::sleep_for(1ms);
  }
}

struct Killed {
  std::vector<Steady::time_point> put;
  Steady::time_point at;
};

Killed kill_after(Duration wait, const std::filesystem::path& path) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(ends[0]);
    write_until_killed(path, ends[1]);
  }
  close(ends[1]);
  Killed killed;
  Steady::rep stamp = 0;
  auto next = [&] {
    if (::read(ends[0], &stamp, sizeof stamp) != sizeof stamp) return false;
    killed.put.emplace_back(Steady::duration(stamp));
    return true;
  };
  REQUIRE(next());
  const auto end = Steady::now() + wait;
  while (Steady::now() < end && next()) continue;
  kill(child, SIGKILL);
  killed.at = Steady::now();
  waitpid(child, nullptr, 0);
  while (next()) continue;
  close(ends[0]);
  return killed;
}

}  // namespace

TEST_CASE("kill -9 at any moment loses at most the last 100 ms and leaves a store that opens") {
  std::mt19937 random(std::random_device{}());
  std::vector<Duration> losses;
  for (int trial = 0; trial < 5; ++trial) {
    const TempDir dir;
    const auto path = dir / "run.db";
    const Duration wait = std::chrono::milliseconds(300 + random() % 300);
    const Killed killed = kill_after(wait, path);
    INFO("killed after " << wait.count() << " ns");
    const auto got = records(*reader(path));
    REQUIRE(got.size() > 0);
    REQUIRE(got.size() <= killed.put.size() + 1);
    for (std::size_t i = 0; i < got.size(); ++i) {  // a prefix, none missing in the middle
      REQUIRE(got[i].task_id == std::to_string(i));
      REQUIRE(got[i].answer == sample_record().answer);
      if (i + 1 < got.size()) REQUIRE(got[i].failure == Failure::none);
    }
    losses.push_back(got.size() < killed.put.size() ? killed.at - killed.put[got.size()]
                                                    : Duration::zero());
    // The run goes on in the same file, and ends as one file.
    auto store = StoreWriter::open(path, OpenMode::resume);
    REQUIRE(store);
    REQUIRE((*store)->begin_run(sample_run(), {sample_cell()}, {}));
    REQUIRE((*store)->close());
    CHECK(!std::filesystem::exists(path.string() + "-wal"));
    CHECK(records(*reader(path)).size() == got.size());
  }
  std::sort(losses.begin(), losses.end());
  // The kill itself and a busy machine add to the 100 ms; the middle trial shows the rule.
  CHECK(losses[2] < 150ms);
  CHECK(losses.back() < 500ms);
}

TEST_CASE("a full disk stops the writing with a reason, and what was committed stays") {
  const TempDir dir;
  const auto path = dir / "run.db";
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    auto store = begin(path);
    store->put(sample_record("before"));
    if (!store->checkpoint()) _exit(5);
    const rlimit limit{600 * 1024, 600 * 1024};
    setrlimit(RLIMIT_FSIZE, &limit);
    RequestRecord r = sample_record("first");
    r.answer = std::string(100 * 1024, 'x');
    for (int i = 0; i < 100 && !store->error(); ++i) {
      r.task_id = "big-" + std::to_string(i);
      store->put(r);
      std::this_thread::sleep_for(10ms);
    }
    for (int i = 0; i < 100 && !store->error(); ++i) std::this_thread::sleep_for(50ms);
    const auto error = store->error();
    if (!error || error->kind != ErrorKind::io || error->why.empty()) _exit(6);
    // There is room again, but a store with a hole would be worse than one that ended.
    store->put(sample_record("after"));
    if (store->checkpoint() || store->set_status(RunStatus::complete)) _exit(7);
    if (store->close()) _exit(8);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  const auto got = records(*reader(path));
  bool before = false, after = false;
  for (const RequestRecord& r : got) {
    before |= r.task_id == "before";
    after |= r.task_id == "after";
  }
  CHECK(before);
  CHECK(!after);
  CHECK(got.size() < 100);
  CHECK(reader(path)->runs()->at(0).status == RunStatus::running);
}

TEST_CASE(
    "a disk that is full from the start is found when the store is made, and leaves nothing") {
  const TempDir dir;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1024, 1024};
    setrlimit(RLIMIT_FSIZE, &limit);
    const auto store = StoreWriter::open(dir / "run.db", OpenMode::create_new);
    _exit(!store && store.error().kind == ErrorKind::io ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(std::filesystem::is_empty(dir.path()));
}
