// A resolver that takes its time, in place of the system's: this file's getaddrinfo comes before
// libc's for libcurl too.
#include <atomic>
#include <cstring>
#include <thread>

#include <dlfcn.h>
#include <netdb.h>

#include "runners/http_client.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;

namespace {
constexpr const char* kSlowName = "slow.pennyweight.invalid";
std::atomic<int> asked = 0, answered = 0;
}  // namespace

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** out) {
  if (name != nullptr && std::strcmp(name, kSlowName) == 0) {
    ++asked;
    std::this_thread::sleep_for(1500ms);
    ++answered;
    return EAI_NONAME;
  }
  static const auto next =
      reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(name, service, hints, out);
}

TEST_CASE("a request that is cancelled while its name is resolved does not hold up the loop") {
  const SteadyClock clock;
  auto loop = make_event_loop(clock);
  REQUIRE(loop);
  auto client = HttpClient::make(**loop);
  REQUIRE(client);
  HttpRequest request;
  request.url = std::string("http://") + kSlowName + "/";
  HttpResponse response;
  (*client)->start(1, request, {{}, {}, [&](HttpResponse r) {
                                  response = std::move(r);
                                  (*loop)->stop();
                                }});
  (*loop)->call_at(clock.now() + 100ms, [&] { (*client)->cancel(1); });
  const Instant begin = clock.now();
  (*loop)->run();
  CHECK(response.failure == Failure::cancelled);
  CHECK(clock.now() - begin < 1s);
  CHECK(asked == 1);
  // The thread is left to itself, but not to the end of the program.
  while (answered < asked) std::this_thread::sleep_for(10ms);
  std::this_thread::sleep_for(50ms);
}
