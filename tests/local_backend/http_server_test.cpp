#include "local_backend/http_server.h"

#include <atomic>
#include <thread>

#include "tests/support/http_exchange.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::llm;
using test::exchange;

namespace {

// A server on its own thread whose handler the test writes.
class Running {
 public:
  using Handler = std::function<void(HttpServer&, ExchangeId, const HttpServerRequest&)>;
  explicit Running(Handler handler, HttpServerOptions options = {}) {
    auto made =
        HttpServer::listen(options, {[this, handler](ExchangeId id, HttpServerRequest request) {
                                       handler(*server_, id, request);
                                     },
                                     [this](ExchangeId) { ++gone; }});
    REQUIRE(made);
    server_ = std::move(*made);
    thread_ = std::thread([this] { ended_well = server_->run().has_value(); });
  }
  ~Running() { finish(); }
  void finish() {
    server_->stop();
    if (thread_.joinable()) thread_.join();
  }
  HttpServer& server() { return *server_; }
  std::uint16_t port() const { return server_->port(); }
  std::atomic<int> gone{0};
  std::atomic<bool> ended_well{false};

 private:
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a reply carries status, type, headers and body") {
  Running running([](HttpServer& server, ExchangeId id, const HttpServerRequest& request) {
    server.reply(id, 418, "text/plain", request.method + " " + request.path + " " + request.body,
                 {{"X-Test", "yes"}});
  });
  const auto reply = exchange(running.port(), "POST", "/a/b?q=1", "본문");
  CHECK(reply.status == 418);
  CHECK(reply.body == "POST /a/b 본문");
  CHECK(reply.head.find("X-Test: yes") != std::string::npos);
}

TEST_CASE("a streamed reply arrives in the pieces that were written") {
  Running running([](HttpServer& server, ExchangeId id, const HttpServerRequest&) {
    server.begin(id, "text/event-stream");
    server.write(id, "data: 1\n\n");
    server.write(id, "data: 2\n\n");
    server.end(id);
  });
  const auto reply = exchange(running.port(), "GET", "/");
  CHECK(reply.status == 200);
  CHECK(reply.body == "data: 1\n\ndata: 2\n\n");
}

TEST_CASE("stop waits for a reply under way, and posts arrive from other threads") {
  std::atomic<ExchangeId> waiting{0};
  Running running([&](HttpServer&, ExchangeId id, const HttpServerRequest&) { waiting = id; });
  std::thread client([&] { CHECK(exchange(running.port(), "GET", "/").body == "late"); });
  while (waiting == 0) std::this_thread::yield();
  running.server().stop();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  running.server().post([&] { running.server().reply(waiting, 200, "text/plain", "late"); });
  client.join();
  running.finish();
  CHECK(running.ended_well);
}

TEST_CASE("a client that goes away is reported, and later writes to it do nothing") {
  std::atomic<ExchangeId> waiting{0};
  Running running([&](HttpServer& server, ExchangeId id, const HttpServerRequest&) {
    server.begin(id, "text/event-stream");
    waiting = id;
  });
  {
    const test::RawConnection connection(running.port());
    connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    connection.read_until("chunked");
    while (waiting == 0) std::this_thread::yield();
  }
  // The first write to a closed socket may still be accepted by the kernel.
  for (int i = 0; i < 200 && running.gone == 0; ++i) {
    running.server().post([&] { running.server().write(waiting, "data: x\n\n"); });
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(running.gone == 1);
  running.server().post([&] { running.server().end(waiting); });
}

TEST_CASE("a body above the limit is refused") {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  Running running([](HttpServer& server, ExchangeId id,
                     const HttpServerRequest&) { server.reply(id, 200, "text/plain", "taken"); },
                  options);
  const auto reply = exchange(running.port(), "POST", "/", std::string(5000, 'x'));
  CHECK(reply.status == 413);
}

TEST_CASE("garbage instead of HTTP does not stop the server") {
  Running running([](HttpServer& server, ExchangeId id, const HttpServerRequest&) {
    server.reply(id, 200, "text/plain", "ok");
  });
  for (const char* garbage : {"\r\n\r\n", "GET", "\x16\x03\x01\x02", "GET / HTTP/9.9\r\n\r\n"}) {
    const test::RawConnection connection(running.port());
    connection.send(garbage);
  }
  CHECK(exchange(running.port(), "GET", "/").body == "ok");
}

TEST_CASE("a port that is taken is an error that says so") {
  Running running([](HttpServer&, ExchangeId, const HttpServerRequest&) {});
  HttpServerOptions options;
  options.port = running.port();
  const auto second = HttpServer::listen(options, {});
  REQUIRE_FALSE(second);
  CHECK(second.error().what.find(std::to_string(running.port())) != std::string::npos);
}
