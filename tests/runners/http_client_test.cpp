#include "runners/http_client.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/script_server.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;
using test::Script;
using test::ScriptServer;

namespace {

// A client on a real loop, and what its handlers were told.
struct Session {
  SteadyClock clock;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<HttpClient> client;
  std::map<std::uint64_t, HttpResponse> done;
  std::map<std::uint64_t, int> sent, progress;
  std::size_t waiting = 0;

  explicit Session(std::size_t max_body = 64u << 20) {
    auto made = make_event_loop(clock);
    REQUIRE(made);
    loop = std::move(*made);
    auto made_client = HttpClient::make(*loop, max_body);
    REQUIRE(made_client);
    client = std::move(*made_client);
  }

  void start(std::uint64_t id, HttpRequest request, std::function<void()> then = {}) {
    ++waiting;
    client->start(id, std::move(request),
                  {[this, id](Instant) { ++sent[id]; }, [this, id](std::size_t) { ++progress[id]; },
                   [this, id, then](HttpResponse response) {
                     CHECK(done.count(id) == 0);  // once
                     done[id] = std::move(response);
                     if (then) then();
                     if (--waiting == 0) loop->stop();
                   }});
    CHECK(done.count(id) == 0);  // from a later turn
  }
  void run() {
    const TimerId guard = loop->call_at(clock.now() + 20s, [this] {
      loop->stop();
      FAIL("the test hangs");
    });
    loop->run();
    loop->cancel_timer(guard);
  }
  HttpResponse get(HttpRequest request) {
    start(1, std::move(request));
    run();
    auto response = std::move(done.at(1));
    done.erase(1);
    return response;
  }
};

HttpRequest post(std::string url, std::string body = "{}") {
  HttpRequest request;
  request.url = std::move(url);
  request.body = std::move(body);
  request.headers = {{"Authorization", "Bearer canary-http-client"}};
  request.timeouts = {2s, 2s, 5s};
  return request;
}

}  // namespace

TEST_CASE("a request goes out as asked, with identity encoding and no waiting for 100") {
  ScriptServer server({Script::reply(200, "application/json", "{\"a\":1}", {{"X-One", " v "}})});
  Session session;
  const HttpResponse r = session.get(post(server.url("/v1/x"), "hello"));
  CHECK(r.failure == Failure::none);
  CHECK(r.status == 200);
  CHECK(r.body == "{\"a\":1}");
  CHECK(r.header_value("x-one") == "v");
  CHECK(r.header_value("missing").empty());
  CHECK(session.sent[1] == 1);
  CHECK(session.progress[1] == 1);
  const auto seen = server.requests();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].head.find("POST /v1/x HTTP/1.1") == 0);
  CHECK(seen[0].head.find("Accept-Encoding: identity") != std::string::npos);
  CHECK(seen[0].head.find("Authorization: Bearer canary-http-client") != std::string::npos);
  CHECK(seen[0].head.find("Expect") == std::string::npos);
  CHECK(seen[0].body == "hello");
}

TEST_CASE("a GET has no body") {
  ScriptServer server({Script::reply(200, "text/plain", "ok")});
  Session session;
  HttpRequest request = post(server.url("/models"), "");
  request.method = "GET";
  CHECK(session.get(request).body == "ok");
  CHECK(server.requests()[0].head.find("GET /models HTTP/1.1") == 0);
}

TEST_CASE("the instants of an exchange are in order, and connecting is told from reusing") {
  ScriptServer server({Script().head(200, "text/event-stream").wait(20ms).chunk("a").end()});
  Session session;
  const Instant asked = session.clock.now();
  const HttpResponse first = session.get(post(server.url()));
  REQUIRE(first.sent);
  REQUIRE(first.connected);
  REQUIRE(first.header);
  REQUIRE(first.done);
  CHECK(*first.connected >= asked);
  CHECK(*first.connected <= *first.sent + 1ms);  // libcurl's clock has microseconds
  CHECK_FALSE(first.tls_done);
  CHECK(*first.sent <= *first.header);
  CHECK(*first.header <= first.arrivals.front().at);
  CHECK(first.arrivals.back().at <= *first.done);
  CHECK(first.connection_reused == false);

  const HttpResponse second = session.get(post(server.url()));
  CHECK(second.connection_reused == true);
  CHECK_FALSE(second.connected);
  CHECK(server.connections() == 1);

  HttpRequest fresh = post(server.url());
  fresh.fresh_connection = true;
  CHECK(session.get(fresh).connection_reused == false);
  CHECK(server.connections() == 2);
}

TEST_CASE("pieces that come apart have their own arrivals, and all bytes are kept") {
  ScriptServer server({Script()
                           .head(200, "text/event-stream")
                           .chunk("one")
                           .wait(100ms)
                           .chunk("two")
                           .wait(100ms)
                           .chunk("three")
                           .end()});
  Session session;
  const HttpResponse r = session.get(post(server.url()));
  CHECK(r.body == "onetwothree");
  REQUIRE(r.arrivals.size() == 3);
  CHECK(r.arrivals[0].end == 3);
  CHECK(r.arrivals[1].end == 6);
  CHECK(r.arrivals[2].end == 11);
  CHECK(r.arrivals[0].at >= *r.sent);
  for (std::size_t i = 1; i < 3; ++i) CHECK(r.arrivals[i].at - r.arrivals[i - 1].at > 50ms);
  CHECK(session.progress[1] == 3);
}

TEST_CASE("a header block of 1xx is not the reply's") {
  Script script = Script::reply(200, "text/plain", "ok");
  ScriptServer server({Script()
                           .send("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n")
                           .wait(20ms)
                           .send(script.steps()[0].bytes)});
  Session session;
  const HttpResponse r = session.get(post(server.url()));
  CHECK(r.status == 200);
  CHECK(r.header_value("x-early").empty());
  CHECK(r.body == "ok");
}

TEST_CASE("an error status is a whole response, and a redirect is not followed") {
  ScriptServer server({Script::reply(429, "application/json", "{}"),
                       Script::reply(302, "text/html", "", {{"Location", "http://127.0.0.1:1/"}})});
  Session session;
  const HttpResponse limited = session.get(post(server.url()));
  CHECK(limited.failure == Failure::none);
  CHECK(limited.status == 429);
  const HttpResponse moved = session.get(post(server.url()));
  CHECK(moved.failure == Failure::none);
  CHECK(moved.status == 302);
}

TEST_CASE("nobody listening, and a name that does not exist, are failures to connect") {
  Session session;
  const HttpResponse r =
      session.get(post("http://127.0.0.1:" + std::to_string(test::closed_port()) + "/"));
  CHECK(r.failure == Failure::connect);
  CHECK(r.status == 0);
  CHECK_FALSE(r.sent);
  CHECK(r.done);
  CHECK_FALSE(r.error_message.empty());
  CHECK(session.sent[1] == 0);
}

TEST_CASE("a server that does not speak TLS is a TLS failure, a silent one a connect timeout") {
  Session session;
  ScriptServer plain({Script::reply(400, "text/plain", "no TLS here").stall()}, true);
  const HttpResponse r = session.get(post("https://127.0.0.1:" + std::to_string(plain.port())));
  CHECK(r.failure == Failure::tls);
  CHECK_FALSE(r.error_message.empty());
  CHECK_FALSE(r.tls_done);
  CHECK_FALSE(r.sent);

  ScriptServer silent({Script().stall()});
  HttpRequest request = post("https://127.0.0.1:" + std::to_string(silent.port()));
  request.timeouts.connect = 60ms;
  const HttpResponse late = session.get(request);
  CHECK(late.failure == Failure::timeout);
  CHECK(late.error_message == "connect timeout: no connection within 0.06 s; 0 bytes had come");
  CHECK_FALSE(late.sent);
}

TEST_CASE("what is no HTTP, and an URL of another kind, are protocol failures") {
  ScriptServer server({Script().send("SSH-2.0-OpenSSH\r\n").close()});
  Session session;
  CHECK(session.get(post(server.url())).failure == Failure::protocol);
  CHECK(session.get(post("file:///etc/passwd")).failure == Failure::protocol);
  CHECK(session.get(post("http://[half")).failure == Failure::protocol);
}

TEST_CASE("a close before any reply, in the head or in the body is truncated, and bytes are kept") {
  Session session;
  for (const Script& script :
       {Script().close(), Script().send("HTTP/1.1 200 OK\r\nContent-Ty").close(),
        Script().send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart").close(),
        Script().head(200, "text/event-stream").chunk("part").close(),
        Script().head(200, "text/event-stream").send("4\r\npa").close()}) {
    ScriptServer server({script});
    const HttpResponse r = session.get(post(server.url()));
    CHECK(r.failure == Failure::truncated);
    CHECK(std::string("part").find(r.body) == 0);
    CHECK(r.sent);
    CHECK_FALSE(r.error_message.empty());
  }
}

TEST_CASE("a reply that ends with the connection is whole") {
  ScriptServer server({Script().send("HTTP/1.0 200 OK\r\n\r\nall").close()});
  Session session;
  const HttpResponse r = session.get(post(server.url()));
  CHECK(r.failure == Failure::none);
  CHECK(r.body == "all");
}

TEST_CASE("each timeout says which it was, and comes when it is due") {
  Session session;
  const auto timed_out = [&](const Script& script, Timeouts timeouts) {
    ScriptServer server({script});
    HttpRequest request = post(server.url());
    request.timeouts = timeouts;
    const Instant asked = session.clock.now();
    HttpResponse r = session.get(std::move(request));
    CHECK(r.failure == Failure::timeout);
    CHECK(session.clock.now() - asked >= 60ms);
    CHECK(session.clock.now() - asked < 2s);
    CHECK(*r.done >= asked + 60ms);
    return r;
  };
  CHECK(timed_out(Script().stall(), {5s, 60ms, 5s}).error_message ==
        "idle timeout: no reply within 0.06 s; 0 bytes had come");
  const HttpResponse silent = timed_out(
      Script().head(200, "text/event-stream").wait(30ms).chunk("part").stall(), {5s, 60ms, 5s});
  CHECK(silent.error_message ==
        "idle timeout: the server fell silent for 0.06 s; 4 bytes had come");
  CHECK(silent.body == "part");
  CHECK(silent.status == 200);
  Script slow = Script().head(200, "text/event-stream");
  for (int i = 0; i < 50; ++i) slow.wait(20ms).chunk("x");
  const HttpResponse total = timed_out(slow, {5s, 1s, 100ms});
  CHECK(total.error_message.find("total timeout: not done within 0.1 s; ") == 0);
  CHECK_FALSE(total.body.empty());
}

TEST_CASE("bytes that keep coming hold off the idle timeout") {
  Script slow = Script().head(200, "text/event-stream");
  for (int i = 0; i < 10; ++i) slow.wait(25ms).chunk("x");
  ScriptServer server({slow.end()});
  Session session;
  HttpRequest request = post(server.url());
  request.timeouts = {5s, 150ms, 5s};
  const HttpResponse r = session.get(request);
  CHECK(r.failure == Failure::none);
  CHECK(r.body.size() == 10);
}

TEST_CASE("a reply over the cap is a protocol failure") {
  ScriptServer server({Script::reply(200, "text/plain", std::string(1000, 'x'))});
  Session session(999);
  const HttpResponse r = session.get(post(server.url()));
  CHECK(r.failure == Failure::protocol);
  CHECK(r.error_message == "the reply is larger than 999 bytes");
  Session enough(1000);
  CHECK(enough.get(post(server.url())).failure == Failure::none);
}

TEST_CASE("cancelling ends a request once, at any moment of its life") {
  ScriptServer server({Script().head(200, "text/event-stream").chunk("a").stall()});
  Session session;
  // Before libcurl took it up.
  session.start(1, post(server.url()));
  session.client->cancel(1);
  session.client->cancel(1);
  session.run();
  CHECK(session.done.at(1).failure == Failure::cancelled);
  CHECK_FALSE(session.done.at(1).sent);
  // While it runs; with what came.
  session.start(2, post(server.url()));
  session.loop->call_at(session.clock.now() + 80ms, [&] { session.client->cancel(2); });
  session.run();
  CHECK(session.done.at(2).failure == Failure::cancelled);
  CHECK(session.done.at(2).body == "a");
  CHECK(session.done.at(2).sent);
  // Unknown and finished ones.
  session.client->cancel(2);
  session.client->cancel(99);
}

TEST_CASE("handlers may start and cancel requests") {
  ScriptServer server({Script::reply(200, "text/plain", "ok")});
  Session session;
  int chain = 0;
  std::function<void()> next = [&] {
    if (++chain < 5) session.start(static_cast<std::uint64_t>(chain + 1), post(server.url()), next);
  };
  session.start(1, post(server.url()), next);
  session.run();
  CHECK(session.done.size() == 5);
  for (const auto& [id, r] : session.done) CHECK(r.body == "ok");
  CHECK(server.connections() == 1);

  ++session.waiting;
  HttpResponse cancelled;
  session.client->start(9, post(server.url()),
                        {[&](Instant) { session.client->cancel(9); },
                         {},
                         [&](HttpResponse r) {
                           cancelled = std::move(r);
                           session.loop->stop();
                         }});
  session.run();
  CHECK(cancelled.failure == Failure::cancelled);
  CHECK(cancelled.sent);
}

TEST_CASE("requests side by side do not mix their bytes") {
  std::vector<Script> scripts;
  for (int i = 0; i < 8; ++i) {
    Script script = Script().head(200, "text/event-stream");
    for (int k = 0; k < 5; ++k) script.wait(3ms).chunk(std::string(3, static_cast<char>('a' + i)));
    scripts.push_back(script.end());
  }
  ScriptServer server(scripts);
  Session session;
  for (std::uint64_t id = 1; id <= 8; ++id) session.start(id, post(server.url()));
  session.run();
  std::set<std::string> bodies;
  for (const auto& [id, r] : session.done) {
    CHECK(r.failure == Failure::none);
    CHECK(r.body == std::string(15, r.body.at(0)));
    bodies.insert(r.body);
  }
  CHECK(bodies.size() == 8);
}

TEST_CASE("destruction cancels what runs, without calls") {
  ScriptServer server({Script().head(200, "text/event-stream").chunk("a").stall()});
  Session session;
  session.start(1, post(server.url()));
  session.loop->call_at(session.clock.now() + 50ms, [&] {
    session.client.reset();
    session.loop->call_at(session.clock.now() + 20ms, [&] { session.loop->stop(); });
  });
  session.run();
  CHECK(session.done.empty());
}

TEST_CASE("loopback is known by its names and addresses") {
  for (const auto* url : {"http://127.0.0.1:8080/v1", "http://127.9.9.9", "https://localhost/v1",
                          "http://[::1]:1", "http://LOCALHOST"})
    CHECK(is_loopback(url));
  for (const auto* url : {"http://127.0.0.1.example.com", "https://api.openai.com/v1",
                          "http://localhost.example.com", "http://10.0.0.1", "", "127 0 0 1"})
    CHECK_FALSE(is_loopback(url));
}

TEST_CASE("loopback ignores proxies") {
  ScriptServer server({Script::reply(200, "text/plain", "direct")});
  setenv("http_proxy", ("http://127.0.0.1:" + std::to_string(test::closed_port())).c_str(), 1);
  Session session;
  const HttpResponse r = session.get(post(server.url()));
  unsetenv("http_proxy");
  CHECK(r.body == "direct");
}
