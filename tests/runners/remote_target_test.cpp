#include "runners/remote_target.h"

#include <map>
#include <string>
#include <vector>

#include "tests/support/script_server.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;
using test::Script;
using test::ScriptServer;

namespace {

constexpr const char* kKey = "canary-remote-target-key";

std::string event(const std::string& delta, const std::string& finish = "null") {
  return R"(data: {"choices":[{"delta":)" + delta + R"(,"finish_reason":)" + finish + "}]}\n\n";
}
Script stream_of(const std::vector<std::string>& words) {
  Script script = Script().head(200, "text/event-stream");
  script.chunk(event(R"({"role":"assistant","content":""})"));
  for (const auto& word : words) script.wait(10ms).chunk(event("{\"content\":\"" + word + "\"}"));
  script.chunk(event("{}", "\"stop\""));
  return script.chunk("data: {\"choices\":[],\"usage\":{\"completion_tokens\":2}}\n\n")
      .chunk("data: [DONE]\n\n")
      .end();
}

struct Sink : EventSink {
  EventLoop* loop = nullptr;
  std::size_t expected = 1;
  std::vector<RequestId> sent;
  int progress = 0;
  std::map<RequestId, Completion> done;
  void on_sent(RequestId id, Instant) override {
    CHECK(done.count(id) == 0);
    sent.push_back(id);
  }
  void on_progress(RequestId, int chunks) override { progress = chunks; }
  void on_finished(RequestId id, Completion c) override {
    CHECK(done.count(id) == 0);
    done[id] = std::move(c);
    if (done.size() == expected) loop->stop();
  }
};

std::unique_ptr<Target> make_target(const std::string& url, const std::string& key = kKey) {
  register_secret(kKey);
  DialectConfig config;
  config.base_url = url;
  config.model = "m";
  config.api_key = key;
  config.key_hint = "the environment variable SOME_API_KEY";
  return make_remote_target("far", openai_chat_dialect(), std::move(config));
}

struct Session {
  SteadyClock clock;
  std::unique_ptr<EventLoop> loop;
  Sink sink;
  std::unique_ptr<Target> target;
  explicit Session(const std::string& url) {
    auto made = make_event_loop(clock);
    REQUIRE(made);
    loop = std::move(*made);
    sink.loop = loop.get();
    target = make_target(url);
    REQUIRE(target->attach(*loop, sink));
  }
  void run() {
    const TimerId guard = loop->call_at(clock.now() + 20s, [this] {
      loop->stop();
      FAIL("the test hangs");
    });
    loop->run();
    loop->cancel_timer(guard);
  }
  Completion ask(const Request& request, RequestId id = 1) {
    target->issue(id, request);
    CHECK(sink.done.count(id) == 0);  // always from a later turn
    run();
    return sink.done.at(id);
  }
};

Request request() {
  Request r;
  r.prompt = std::vector<Message>{{"user", "Hi"}};
  r.generation.max_tokens = 5;
  r.timeouts = {2s, 2s, 5s};
  return r;
}

}  // namespace

TEST_CASE("a streamed answer comes back with its chunks stamped as they arrived") {
  ScriptServer server({stream_of({"Hi ", "안녕"})});
  Session session(server.url("/v1/"));  // a final slash does no harm
  const Completion c = session.ask(request());
  CHECK(c.failure == Failure::none);
  CHECK(c.answer == "Hi 안녕");
  CHECK(c.usage.output_tokens == 2);
  CHECK(c.finish == Finish::stop);
  REQUIRE(c.sent);
  REQUIRE(c.chunks.size() == 5);
  CHECK(c.chunks[0].kind == ChunkKind::role);
  CHECK(c.chunks[0].at >= *c.sent);
  CHECK(c.chunks[2].at - c.chunks[1].at > 5ms);
  CHECK(*c.done >= c.chunks.back().at);
  CHECK(session.sink.sent == std::vector<RequestId>{1});
  CHECK(session.sink.progress >= 1);
  CHECK(server.requests()[0].head.find("POST /v1/chat/completions ") == 0);
}

TEST_CASE("what the API cannot take is unsupported, and nothing is sent") {
  ScriptServer server({stream_of({"x"})});
  Session session(server.url());
  Request r = request();
  r.prompt = RawPrompt{"x"};
  const Completion c = session.ask(r);
  CHECK(c.failure == Failure::unsupported);
  CHECK_FALSE(c.error_message.empty());
  CHECK_FALSE(c.sent);
  CHECK(server.requests().empty());
}

TEST_CASE("a request that is cancelled finishes as cancelled") {
  ScriptServer server({Script().head(200, "text/event-stream").stall()});
  Session session(server.url());
  session.loop->call_at(session.clock.now() + 50ms, [&] { session.target->cancel(1); });
  const Completion c = session.ask(request());
  CHECK(c.failure == Failure::cancelled);
  CHECK(c.finish == Finish::cancelled);
  session.target->cancel(1);
  session.target->cancel(77);
}

TEST_CASE("each trouble of a server is a row with a reason, and the key is in none") {
  struct Trouble {
    Script script;
    Failure failure;
    std::string message;
  };
  const std::string key_in_error = std::string(R"({"error":{"message":"bad key )") + kKey + "\"}}";
  const std::vector<Trouble> troubles = {
      {Script::reply(401, "application/json", key_in_error), Failure::authentication,
       "HTTP 401: bad key [redacted]"},
      {Script::reply(429, "application/json", "{\"error\":\"slow\"}", {{"Retry-After", "7"}}),
       Failure::rate_limited, "HTTP 429: slow"},
      {Script::reply(500, "text/html", std::string("<html>") + kKey), Failure::server_error,
       "HTTP 500: HTML instead of JSON: <html>[redacted]"},
      {Script::reply(200, "text/html", "<html>"), Failure::protocol,
       "HTML instead of JSON: <html>"},
      {Script::reply(302, "text/html", "", {{"Location", std::string("/?key=") + kKey}}),
       Failure::protocol, "HTTP 302: redirects are not followed"},
      {Script().head(200, "text/event-stream").chunk(event("{\"content\":\"a\"}")).close(),
       Failure::truncated, ""},
      {Script().head(200, "text/event-stream").chunk(event("{\"content\":\"a\"}")).stall(),
       Failure::timeout, "idle timeout"},
      {Script().close(), Failure::truncated, ""},
  };
  for (const Trouble& trouble : troubles) {
    ScriptServer server({trouble.script});
    Session session(server.url());
    Request r = request();
    r.timeouts.idle = 100ms;
    const Completion c = session.ask(r);
    INFO(c.error_message);
    CHECK(c.failure == trouble.failure);
    CHECK(c.error_message.find(trouble.message) == 0);
    CHECK_FALSE(c.error_message.empty());
    CHECK(c.error_message.find(kKey) == std::string::npos);
    CHECK(c.done);
    if (trouble.failure == Failure::rate_limited) CHECK(c.retry_after == Duration(7s));
  }
}

TEST_CASE("several requests at once each get their own answer") {
  ScriptServer server({stream_of({"a", "b"})});
  Session session(server.url());
  session.sink.expected = 6;
  for (RequestId id = 1; id <= 6; ++id) session.target->issue(id, request());
  session.run();
  for (const auto& [id, c] : session.sink.done) CHECK(c.answer == "ab");
}

TEST_CASE("a target may go away or be detached while its requests run") {
  const bool detached = GENERATE(false, true);
  ScriptServer server({stream_of({"a", "b", "c"})});
  Session session(server.url());
  session.target->issue(1, request());
  session.loop->call_at(session.clock.now() + 15ms, [&] {
    if (detached) {
      session.target->detach();
    } else {
      session.target.reset();
    }
    session.loop->call_at(session.clock.now() + 20ms, [&] { session.loop->stop(); });
  });
  session.run();
  CHECK(session.sink.done.empty());
}

TEST_CASE("a target says where it is, without user info, and what it is on this machine") {
  const auto near = make_target("http://127.0.0.1:8080/v1/");
  CHECK(near->info().name == "far");
  CHECK(near->info().kind == "remote");
  CHECK(near->info().model == "m");
  CHECK(near->info().on_this_machine);
  CHECK(*near->info().identity.find("url")->text() == "http://127.0.0.1:8080/v1");
  const auto far = make_target("https://user:pass@api.example.com/v1");
  CHECK_FALSE(far->info().on_this_machine);
  CHECK(to_json(far->info().identity).find("pass") == std::string::npos);
  CHECK(to_json(far->info().identity).find(kKey) == std::string::npos);
}

TEST_CASE("the check asks for the models, and tolerates a server that has or shows no such list") {
  ScriptServer server({Script::reply(200, "application/json", "{\"data\":[]}"),
                       Script::reply(404, "application/json", "{}"),
                       Script::reply(403, "application/json", "{}")});
  const auto target = make_target(server.url("/v1"));
  CHECK(target->check());
  CHECK(target->check());
  CHECK(target->check());  // a key that may not list them
  const auto seen = server.requests();
  REQUIRE(seen.size() == 3);
  CHECK(seen[0].head.find("GET /v1/models ") == 0);
  CHECK(seen[0].head.find(std::string("Authorization: Bearer ") + kKey) != std::string::npos);
}

TEST_CASE("the check finds an API below /v1 where the URL has none") {
  ScriptServer server({Script::reply(404, "application/json", "{}"),
                       Script::reply(200, "application/json", "{\"data\":[]}"),
                       Script::reply(404, "text/html", "no"),
                       Script::reply(404, "text/html", "no")});
  const auto target = make_target(server.url(""));
  const auto checked = target->check();
  REQUIRE_FALSE(checked);
  CHECK(checked.error().kind == ErrorKind::usage);
  CHECK(checked.error().fix.find(server.url("/v1") + "#") != std::string::npos);
  CHECK(target->check());  // nor is there one below /v1: it may answer all the same
  const auto seen = server.requests();
  REQUIRE(seen.size() == 4);
  CHECK(seen[0].head.find("GET /models ") == 0);
  CHECK(seen[1].head.find("GET /v1/models ") == 0);
}

TEST_CASE("the check names the place of a refused or missing key, never the key") {
  ScriptServer server({Script::reply(401, "application/json",
                                     std::string(R"({"error":{"message":"no: )") + kKey + "\"}}")});
  const auto refused = make_target(server.url())->check();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::authentication);
  CHECK(refused.error().what == "target \"far\" refused the key");
  CHECK(refused.error().why.find("no: [redacted]") != std::string::npos);
  CHECK(refused.error().fix.find("SOME_API_KEY") != std::string::npos);
  const auto missing = make_target(server.url(), "")->check();
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what == "target \"far\" wants a key, and none is set");
}

TEST_CASE("the check finds a server that is down or not ready") {
  const std::string url = "http://127.0.0.1:" + std::to_string(test::closed_port()) + "/v1";
  const auto down = make_target(url)->check();
  REQUIRE_FALSE(down);
  CHECK(down.error().kind == ErrorKind::unreachable);
  CHECK(down.error().fix.find(url) != std::string::npos);
  CHECK_FALSE(down.error().why.empty());
  ScriptServer loading(
      {Script::reply(503, "application/json", R"({"error":{"message":"loading"}})")});
  const auto busy = make_target(loading.url())->check();
  REQUIRE_FALSE(busy);
  CHECK(busy.error().kind == ErrorKind::unreachable);
  CHECK(busy.error().why == "HTTP 503: loading");
}
