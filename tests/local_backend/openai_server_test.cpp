#include "local_backend/openai_server.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "local_backend/synthetic_model.h"
#include "tests/local_backend/grammar/ambiguous_grammar.h"
#include "tests/support/http_exchange.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::llm;
using test::exchange;
using Json = nlohmann::json;

namespace {

// A tiny model behind the server, on its own thread.
class Running {
 public:
  explicit Running(ServerOptions options = {}, int context = 0) {
    auto spec = parse_synthetic("tiny:q8_0");
    REQUIRE(spec);
    REQUIRE(write_synthetic_model(*spec, dir_ / "tiny.gguf"));
    EngineOptions engine_options;
    engine_options.threads = 1;
    engine_options.context_tokens = context;
    auto engine = Engine::open(dir_ / "tiny.gguf", engine_options);
    REQUIRE(engine);
    auto server = OpenAiServer::listen(std::move(*engine), options);
    REQUIRE(server);
    server_ = std::move(*server);
    thread_ = std::thread([this] { ended_well = server_->run().has_value(); });
  }
  ~Running() { finish(); }
  void stop() { server_->stop(); }
  void finish() {
    server_->stop();
    if (thread_.joinable()) thread_.join();
  }
  std::uint16_t port() const { return server_->port(); }
  test::HttpReply chat(const Json& body) const {
    return exchange(port(), "POST", "/v1/chat/completions", body.dump());
  }
  std::atomic<bool> ended_well{false};

 private:
  test::TempDir dir_;
  std::unique_ptr<OpenAiServer> server_;
  std::thread thread_;
};

Json request(int max_tokens) {
  return {{"messages", Json::array({{{"role", "user"}, {"content", "Hi"}}})},
          {"max_tokens", max_tokens},
          {"temperature", 0},
          {"ignore_eos", true}};
}

std::vector<Json> events_of(const std::string& body) {
  std::vector<Json> events;
  std::size_t at = 0;
  while (at < body.size()) {
    const std::size_t end = body.find("\n\n", at);
    REQUIRE(end != std::string::npos);
    const std::string data = body.substr(at + 6, end - at - 6);
    if (data != "[DONE]") events.push_back(Json::parse(data));
    at = end + 2;
  }
  return events;
}

}  // namespace

TEST_CASE("health and models answer without the engine") {
  const Running running;
  CHECK(Json::parse(exchange(running.port(), "GET", "/health").body)["status"] == "ok");
  CHECK(Json::parse(exchange(running.port(), "GET", "/v1/models").body)["data"][0]["id"] == "tiny");
  CHECK(exchange(running.port(), "GET", "/nothing").status == 404);
  CHECK(exchange(running.port(), "GET", "/v1/chat/completions").status == 405);
}

TEST_CASE("a streamed and a whole answer hold the same text and usage") {
  const Running running;
  const auto whole = running.chat(request(6));
  REQUIRE(whole.status == 200);
  const Json reply = Json::parse(whole.body);
  CHECK(reply["usage"]["completion_tokens"] == 6);
  CHECK(reply["choices"][0]["finish_reason"] == "length");

  Json streamed = request(6);
  streamed["stream"] = true;
  streamed["stream_options"] = {{"include_usage", true}};
  const auto stream = running.chat(streamed);
  CHECK(stream.head.find("text/event-stream") != std::string::npos);
  const auto events = events_of(stream.body);
  std::string text;
  for (const Json& event : events) {
    if (!event["choices"].empty()) text += event["choices"][0]["delta"].value("content", "");
  }
  CHECK(text == reply["choices"][0]["message"]["content"]);
  CHECK(events.front()["choices"][0]["delta"]["role"] == "assistant");
  CHECK(events.back()["usage"] == reply["usage"]);
  CHECK(stream.body.substr(stream.body.size() - 14) == "data: [DONE]\n\n");
}

TEST_CASE("several connections at once all get their answers") {
  const Running running;
  const std::string expected = Json::parse(running.chat(request(8)).body)["choices"].dump();
  std::vector<std::thread> clients;
  std::atomic<int> equal{0};
  for (int i = 0; i < 6; ++i) {
    clients.emplace_back([&] {
      if (Json::parse(running.chat(request(8)).body)["choices"].dump() == expected) ++equal;
    });
  }
  for (auto& client : clients) client.join();
  CHECK(equal == 6);
}

TEST_CASE("wrong requests get JSON errors and do not stop the server") {
  const Running running({}, 64);
  for (const char* body :
       {"", "{", "[1]", R"({"messages":[{"role":"user","content":[{"type":1}]}]})",
        R"({"messages":[{"role":1}]})", "\xff\xfe"}) {
    const auto reply = exchange(running.port(), "POST", "/v1/chat/completions", body);
    CHECK(reply.status == 400);
    CHECK(Json::parse(reply.body)["error"]["type"] == "invalid_request_error");
  }
  Json long_one = request(4);
  long_one["messages"][0]["content"] = std::string(500, 'x');
  const auto overflow = running.chat(long_one);
  CHECK(overflow.status == 400);
  CHECK(Json::parse(overflow.body)["error"]["code"] == "context_length_exceeded");
  CHECK(running.chat(request(2)).status == 200);
}

TEST_CASE("without max_tokens an answer may fill the context") {
  const Running running({}, 64);
  Json body = request(1);
  body.erase("max_tokens");
  const auto reply = running.chat(body);
  REQUIRE(reply.status == 200);
  const Json usage = Json::parse(reply.body)["usage"];
  CHECK(usage["total_tokens"] == 64);
}

TEST_CASE("more waiting requests than allowed are refused with Retry-After") {
  ServerOptions options;
  options.max_queued = 0;
  const Running running(options);
  const test::RawConnection first(running.port());
  const std::string body = request(2000).dump();
  first.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n" + body);
  int refused = 0;
  for (int i = 0; i < 50 && refused == 0; ++i) {
    const auto reply = running.chat(request(1));
    if (reply.status == 503 && reply.head.find("Retry-After") != std::string::npos) ++refused;
  }
  CHECK(refused == 1);
}

TEST_CASE("stop lets a running answer finish") {
  Running running;
  std::atomic<bool> whole{false};
  std::thread client([&] {
    Json body = request(400);
    body["stream"] = true;
    whole = running.chat(body).body.find("[DONE]") != std::string::npos;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  running.finish();
  client.join();
  CHECK(whole);
  CHECK(running.ended_well);
}

TEST_CASE(
    "an answer in a schema is JSON of that schema, streamed or whole, with log-probabilities") {
  const Running running;
  Json body = request(300);
  body.erase("ignore_eos");
  body["temperature"] = 1;
  body["seed"] = 5;
  body["logprobs"] = true;
  body["top_logprobs"] = 2;
  body["response_format"] = Json::parse(R"({"type":"json_schema","json_schema":{"name":"n",
      "schema":{"type":"object","required":["n","s"],"properties":{
      "n":{"type":"integer","minimum":3,"maximum":70},"s":{"type":"string","maxLength":5}}}}})");
  const auto whole = running.chat(body);
  INFO(whole.body);
  REQUIRE(whole.status == 200);
  const Json choice = Json::parse(whole.body)["choices"][0];
  CHECK(choice["finish_reason"] == "stop");
  const std::string text = choice["message"]["content"];
  const Json value = Json::parse(text);
  CHECK(value["n"] >= 3);
  CHECK(value["n"] <= 70);
  CHECK(value["s"].is_string());
  std::string joined;
  for (const Json& token : choice["logprobs"]["content"]) {
    CHECK(token["logprob"] <= 0);
    CHECK(token["top_logprobs"].size() == 2);
    for (const Json& byte : token["bytes"]) joined += static_cast<char>(byte.get<int>());
  }
  CHECK(joined == text);

  body["stream"] = true;
  Json tokens = Json::array();
  std::string streamed;
  for (const Json& event : events_of(running.chat(body).body)) {
    const Json& part = event["choices"][0];
    streamed += part["delta"].value("content", "");
    if (part["logprobs"].is_object())
      for (const Json& token : part["logprobs"]["content"]) tokens.push_back(token);
  }
  CHECK(streamed == text);
  CHECK(tokens == choice["logprobs"]["content"]);
}

TEST_CASE("a grammar that no answer can follow is the client's error") {
  const Running running;
  Json body = request(8);
  body["grammar"] = "root ::= \"a\"";
  const auto both = running.chat(body);  // with ignore_eos
  CHECK(both.status == 400);
  body.erase("ignore_eos");
  CHECK(Json::parse(running.chat(body).body)["choices"][0]["message"]["content"] == "a");
  CHECK(Json::parse(both.body)["error"]["param"] == "ignore_eos");
  body["grammar"] = test::ambiguous_grammar();
  const auto nothing = running.chat(body);
  CHECK(nothing.status == 400);
  const Json error = Json::parse(nothing.body)["error"];
  CHECK(error["message"].get<std::string>().rfind(
            "the grammar has too many ways to read this answer", 0) == 0);
  CHECK(error["param"] == "grammar");
  CHECK(error["code"].is_null());
}

TEST_CASE("an error names the parameter it is about, a full context its code") {
  const Running running({}, 64);
  const auto error_of = [&](const Json& body) {
    const auto reply = running.chat(body);
    CHECK(reply.status == 400);
    return Json::parse(reply.body)["error"];
  };
  Json full = request(60);
  CHECK(error_of(full)["code"] == "context_length_exceeded");
  CHECK(error_of(full)["param"] == "messages");
  Json longer = request(1);
  longer["messages"][0]["content"] = std::string(3000, 'x');
  CHECK(error_of(longer)["code"] == "context_length_exceeded");
  Json biased = request(1);
  biased["logit_bias"] = {{"99999999", 1}};
  CHECK(error_of(biased)["param"] == "logit_bias");
  CHECK(error_of(biased)["code"] == "invalid_value");
}

TEST_CASE("without a seed each request draws its own, with one the answer repeats") {
  const Running running;
  Json body = request(24);
  body["temperature"] = 1;
  const auto answer = [&] {
    return Json::parse(running.chat(body).body)["choices"][0]["message"]["content"]
        .get<std::string>();
  };
  const std::string first = answer(), second = answer();
  CHECK(first != second);
  body["seed"] = 7;
  const std::string seeded = answer();
  CHECK(seeded == answer());
}
