#include "runners/retry.h"

#include <set>

#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;

namespace {

Completion failed(Failure failure, int status = 0) {
  Completion c;
  c.failure = failure;
  c.http_status = status;
  return c;
}
std::optional<Duration> wait(const Completion& c, int attempt = 1) {
  return RetryPolicy().wait(c, attempt, 1, 1);
}

}  // namespace

TEST_CASE("failures that may pass are tried again, others are not") {
  for (const auto& c :
       {failed(Failure::connect), failed(Failure::timeout), failed(Failure::truncated),
        failed(Failure::rate_limited, 429), failed(Failure::server_error, 503),
        failed(Failure::bad_request, 408), failed(Failure::bad_request, 409)})
    CHECK(wait(c));
  for (const auto& c :
       {failed(Failure::none, 200), failed(Failure::authentication, 401),
        failed(Failure::bad_request, 400), failed(Failure::bad_request, 404),
        failed(Failure::protocol, 200), failed(Failure::refused, 200), failed(Failure::unsupported),
        failed(Failure::engine), failed(Failure::cancelled), failed(Failure::tls)})
    CHECK_FALSE(wait(c));
}

TEST_CASE("there are at most two retries") {
  CHECK(wait(failed(Failure::connect), 2));
  CHECK_FALSE(wait(failed(Failure::connect), 3));
  CHECK_FALSE(RetryPolicy{0}.wait(failed(Failure::connect), 1, 1, 1));
}

TEST_CASE("a stream that has begun is never asked for again") {
  Completion c = failed(Failure::truncated, 200);
  c.chunks.push_back({Instant(1ms), ChunkKind::content, 2, 0});
  CHECK_FALSE(wait(c));
  c.should_retry = true;
  CHECK_FALSE(wait(c));
}

TEST_CASE("the server's own word on retrying wins") {
  Completion yes = failed(Failure::bad_request, 400);
  yes.should_retry = true;
  CHECK(wait(yes));
  Completion no = failed(Failure::rate_limited, 429);
  no.should_retry = false;
  CHECK_FALSE(wait(no));
  Completion fine = failed(Failure::none, 200);
  fine.should_retry = true;
  CHECK_FALSE(wait(fine));
}

TEST_CASE("Retry-After is honoured up to 120 s, and else not waited for") {
  Completion c = failed(Failure::rate_limited, 429);
  c.retry_after = 1500ms;
  CHECK(wait(c) == Duration(1500ms));
  c.retry_after = 120s;
  CHECK(wait(c) == Duration(120s));
  for (const Duration other : {Duration(120s) + 1ns, Duration(0)}) {
    c.retry_after = other;
    const auto w = wait(c);
    REQUIRE(w);
    CHECK(*w > 370ms);
    CHECK(*w <= 500ms);
  }
}

TEST_CASE("back-off doubles from half a second to eight, less up to a quarter") {
  RetryPolicy policy;
  policy.max_retries = 100;
  const Completion c = failed(Failure::server_error, 500);
  for (int attempt = 1; attempt <= 8; ++attempt) {
    const Duration full = std::min<Duration>(8s, 500ms * (1 << (attempt - 1)));
    Duration shortest = full, longest{};
    for (std::uint64_t request = 0; request < 200; ++request) {
      const auto w = policy.wait(c, attempt, 7, request);
      REQUIRE(w);
      shortest = std::min(shortest, *w);
      longest = std::max(longest, *w);
    }
    INFO("attempt " << attempt);
    CHECK(longest <= full);
    CHECK(longest > full * 98 / 100);
    CHECK(shortest >= full * 3 / 4);
    CHECK(shortest < full * 77 / 100);
  }
  CHECK(policy.wait(c, 1000, 7, 1) <= Duration(8s));
}

TEST_CASE("jitter follows from seed, request and attempt") {
  const Completion c = failed(Failure::connect);
  CHECK(RetryPolicy().wait(c, 1, 5, 9) == RetryPolicy().wait(c, 1, 5, 9));
  std::set<Duration> waits;
  for (std::uint64_t i = 0; i < 5; ++i) {
    waits.insert(*RetryPolicy().wait(c, 1, i, 9));
    waits.insert(*RetryPolicy().wait(c, 1, 5, 10 + i));
  }
  CHECK(waits.size() == 10);
}
