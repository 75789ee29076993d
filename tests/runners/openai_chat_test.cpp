#include <string>

#include <nlohmann/json.hpp>

#include "runners/dialects/dialect.h"
#include "tests/test.h"

using namespace pennyweight;
using namespace std::chrono_literals;

namespace {

using Json = nlohmann::json;
const Dialect& dialect = openai_chat_dialect();

DialectConfig config() {
  DialectConfig c;
  c.base_url = "http://h/v1";
  c.model = "m";
  c.api_key = "sk-test";
  return c;
}
Request request() {
  Request r;
  r.prompt = std::vector<Message>{{"system", "짧게"}, {"user", "Hi \"there\""}};
  r.generation.max_tokens = 7;
  return r;
}
Json body_of(const Request& r, const DialectConfig& c) {
  const auto made = dialect.make_request(r, c);
  REQUIRE(made);
  return Json::parse(made->body);
}
std::string header(const HttpRequest& r, const std::string& name) {
  for (const auto& [key, value] : r.headers)
    if (key == name) return value;
  return "";
}
Delta read(const std::string& data) {
  return dialect.read_event("message", data);
}
Delta with_delta(const std::string& delta) {
  return read(R"({"choices":[{"index":0,"delta":)" + delta + R"(,"finish_reason":null}]})");
}
HttpResponse reply(int status, std::string body,
                   std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpResponse r;
  r.status = status;
  r.body = std::move(body);
  r.headers = std::move(headers);
  return r;
}

}  // namespace

TEST_CASE("a request holds only the fields that are set") {
  const auto made = dialect.make_request(request(), config());
  REQUIRE(made);
  CHECK(made->method == "POST");
  CHECK(made->url == "http://h/v1/chat/completions");
  CHECK(header(*made, "Authorization") == "Bearer sk-test");
  CHECK(header(*made, "Content-Type") == "application/json");
  CHECK(Json::parse(made->body) == Json::parse(R"({"model":"m","messages":[
    {"role":"system","content":"짧게"},{"role":"user","content":"Hi \"there\""}],
    "max_tokens":7,"stream":true,"stream_options":{"include_usage":true}})"));
}

TEST_CASE("sampling fields are sent when they are set, those of local engines never") {
  Request r = request();
  r.generation.temperature = 0.0;
  r.generation.top_p = 0.5;
  r.generation.seed = 18446744073709551615u;
  r.generation.stop = {"\n\n"};
  r.generation.top_k = 3;
  r.generation.repeat_penalty = 1.1;
  r.generation.frequency_penalty = 0.5;
  r.generation.presence_penalty = -1.0;
  r.generation.ignore_eos = true;
  r.generation.stream = false;
  DialectConfig c = config();
  c.max_tokens_field = "max_completion_tokens";
  Json body = body_of(r, c);
  body.erase("messages");
  CHECK(body == Json::parse(R"({"model":"m","max_completion_tokens":7,"temperature":0.0,
    "top_p":0.5,"frequency_penalty":0.5,"presence_penalty":-1.0,"seed":18446744073709551615,"stop":["\n\n"],"stream":false})"));
}

TEST_CASE("the format of the answer is sent as the protocol spells it") {
  Request r = request();
  r.generation.response_format = "json_object";
  CHECK(body_of(r, config())["response_format"] == Json::parse(R"({"type":"json_object"})"));
  r.generation.response_format = R"({"type":"integer"})";
  CHECK(body_of(r, config())["response_format"] ==
        Json::parse(R"({"type":"json_schema","json_schema":{"name":"answer","strict":true,
                        "schema":{"type":"integer"}}})"));
}

TEST_CASE("usage in the stream and the key are left out where they are not wanted") {
  DialectConfig c = config();
  c.stream_usage = false;
  c.api_key.clear();
  CHECK_FALSE(body_of(request(), c).contains("stream_options"));
  CHECK(header(*dialect.make_request(request(), c), "Authorization").empty());
}

TEST_CASE("the request carries the timeouts") {
  Request r = request();
  r.timeouts.idle = 3s;
  CHECK(dialect.make_request(r, config())->timeouts.idle == Duration(3s));
}

TEST_CASE("raw prompts and continuations are unsupported, text that is not UTF-8 is refused") {
  Request r = request();
  r.prompt = RawPrompt{"x"};
  CHECK(dialect.make_request(r, config()).error().kind == ErrorKind::unsupported);
  r.prompt = Continuations{RawPrompt{"x"}, {"y"}};
  CHECK(dialect.make_request(r, config()).error().kind == ErrorKind::unsupported);
  r.prompt = std::vector<Message>{{"user", "\xff"}};
  CHECK(dialect.make_request(r, config()).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("the check asks for the models, which costs nothing") {
  const HttpRequest check = dialect.check_request(config());
  CHECK(check.method == "GET");
  CHECK(check.url == "http://h/v1/models");
  CHECK(header(check, "Authorization") == "Bearer sk-test");
}

TEST_CASE("each kind of delta is told apart") {
  CHECK(with_delta(R"({"role":"assistant","content":""})").kind == ChunkKind::role);
  CHECK(with_delta(R"({"role":"assistant","content":null})").kind == ChunkKind::role);
  CHECK(with_delta(R"({})").kind == ChunkKind::empty);
  CHECK(with_delta(R"({"content":""})").kind == ChunkKind::empty);
  CHECK(read(R"({"choices":[],"prompt_filter_results":[]})").kind == ChunkKind::empty);

  const Delta content = with_delta(R"({"role":"assistant","content":"안\n"})");
  CHECK(content.kind == ChunkKind::content);
  CHECK(content.text == "안\n");
  CHECK(content.tokens == 0);  // nobody counted

  for (const std::string name : {"reasoning_content", "reasoning"}) {
    const Delta reasoning = with_delta("{\"" + name + "\":\"hm\",\"content\":null}");
    CHECK(reasoning.kind == ChunkKind::reasoning);
    CHECK(reasoning.reasoning == "hm");
    CHECK(reasoning.text.empty());
  }
  const Delta both = with_delta(R"({"reasoning_content":"hm","content":"so"})");
  CHECK(both.kind == ChunkKind::content);
  CHECK(both.text == "so");
  CHECK(both.reasoning == "hm");

  const Delta tool = with_delta(
      R"({"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\"a\""}}]})");
  CHECK(tool.kind == ChunkKind::tool);
  CHECK(tool.text == "f{\"a\"");

  const Delta refusal = with_delta(R"({"refusal":"I cannot"})");
  CHECK(refusal.kind == ChunkKind::content);
  CHECK(refusal.text == "I cannot");
  CHECK(refusal.failure == Failure::refused);
}

TEST_CASE("finish reasons have the field's words") {
  const auto finish = [](const std::string& word) {
    return read(R"({"choices":[{"delta":{},"finish_reason":)" + word + "}]}").finish;
  };
  CHECK(finish("\"stop\"") == Finish::stop);
  CHECK(finish("\"eos_token\"") == Finish::stop);
  CHECK(finish("\"length\"") == Finish::length);
  CHECK(finish("\"content_filter\"") == Finish::content_filter);
  CHECK(finish("\"tool_calls\"") == Finish::tool_calls);
  CHECK(finish("\"function_call\"") == Finish::tool_calls);
  CHECK_FALSE(finish("null"));
  CHECK_FALSE(finish("\"\""));
}

TEST_CASE("usage is read with its parts, and null or nonsense is no usage") {
  const Delta delta = read(R"({"id":"x","model":"m-1","choices":[],"usage":{"prompt_tokens":9,
    "completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},
    "completion_tokens_details":{"reasoning_tokens":2}}})");
  CHECK(delta.kind == ChunkKind::usage);
  CHECK(delta.id == "x");
  CHECK(delta.model == "m-1");
  REQUIRE(delta.usage);
  CHECK(*delta.usage == Usage{9, 4, 5, 2, TokenSource::server_usage});
  const auto plain = read(R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":0}})");
  CHECK(*plain.usage == Usage{1, std::nullopt, 0, std::nullopt, TokenSource::server_usage});
  CHECK_FALSE(read(R"({"choices":[],"usage":null})").usage);
  CHECK_FALSE(read(R"({"choices":[],"usage":{"prompt_tokens":-1,"completion_tokens":"5"}})").usage);
}

TEST_CASE("[DONE] ends the stream, with whatever blanks around it") {
  for (const std::string text : {"[DONE]", " [DONE]", "[DONE] \r"}) CHECK(read(text).end_of_stream);
  CHECK_FALSE(read(R"({"choices":[]})").end_of_stream);
}

TEST_CASE("an error inside the stream and a malformed event are protocol failures with a message") {
  const Delta error = read(R"({"error":{"message":"Overloaded","type":"server_error"}})");
  CHECK(error.failure == Failure::protocol);
  CHECK(error.kind == ChunkKind::error);
  CHECK(error.error_message == "in the stream: Overloaded");
  CHECK(read(R"({"error":"just text"})").error_message == "in the stream: just text");
  CHECK(read(R"({"error":{"code":5}})").error_message == R"(in the stream: {"error":{"code":5}})");
  CHECK_FALSE(read(R"({"error":null,"choices":[]})").failure);
  for (const std::string bad : {"", "{", "hello", "[1,", "{\"choices\":[]} x", "\"\xff\""}) {
    const Delta delta = read(bad);
    CHECK(delta.failure == Failure::protocol);
    CHECK_FALSE(delta.error_message.empty());
  }
  for (const std::string odd : {"[]", "7", "null", R"({"choices":7})", R"({"choices":[[]]})"})
    CHECK(read(odd).kind == ChunkKind::empty);
}

TEST_CASE("every truncation of an event is malformed, never a wrong delta") {
  const std::string whole =
      R"({"id":"c","choices":[{"index":0,"delta":{"content":"Hi \u00e9"},"finish_reason":"stop"}]})";
  REQUIRE_FALSE(read(whole).failure);
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK(read(whole.substr(0, n)).failure);
}

TEST_CASE("a whole reply is text, then usage") {
  const auto deltas = dialect.read_body(R"({"id":"c","model":"m-1","choices":[{"index":0,"message":
    {"role":"assistant","content":"Hi","reasoning_content":"hm"},"finish_reason":"length"}],
    "usage":{"prompt_tokens":2,"completion_tokens":3}})");
  REQUIRE(deltas.size() == 2);
  CHECK(deltas[0].kind == ChunkKind::content);
  CHECK(deltas[0].text == "Hi");
  CHECK(deltas[0].reasoning == "hm");
  CHECK(deltas[0].finish == Finish::length);
  CHECK(deltas[0].model == "m-1");
  CHECK(deltas[1].kind == ChunkKind::usage);
  CHECK(deltas[1].usage->output_tokens == 3);
}

TEST_CASE("a whole reply that is no answer is a protocol failure") {
  for (const std::string body :
       {"{", "[]", "{}", R"({"choices":[]})", R"({"error":{"message":"no"}})"}) {
    const auto deltas = dialect.read_body(body);
    REQUIRE(deltas.size() == 1);
    CHECK(deltas[0].failure == Failure::protocol);
  }
}

TEST_CASE("each status has its failure") {
  const auto failure = [](int status, const std::string& body = "{}") {
    return dialect.read_error(status, reply(status, body)).failure;
  };
  CHECK(failure(401) == Failure::authentication);
  CHECK(failure(403) == Failure::authentication);
  CHECK(failure(400) == Failure::bad_request);
  CHECK(failure(404) == Failure::bad_request);
  CHECK(failure(408) == Failure::bad_request);
  CHECK(failure(429) == Failure::rate_limited);
  CHECK(failure(500) == Failure::server_error);
  CHECK(failure(529) == Failure::server_error);
  CHECK(failure(302) == Failure::protocol);
  CHECK(failure(400, R"({"error":{"code":"context_length_exceeded"}})") == Failure::unsupported);
  CHECK(failure(400, R"({"error":{"code":"content_filter"}})") == Failure::refused);
}

TEST_CASE("an error's message is the server's, whatever it is written in") {
  const auto message = [](int status, const std::string& body) {
    return dialect.read_error(status, reply(status, body)).message;
  };
  CHECK(message(400, R"({"error":{"message":"bad model"}})") == "HTTP 400: bad model");
  CHECK(message(500, R"({"detail":"worker died"})") == "HTTP 500: worker died");
  CHECK(message(502, "<html><h1>Bad Gateway") ==
        "HTTP 502: HTML instead of JSON: <html><h1>Bad Gateway");
  CHECK(message(503, "upstream busy") == "HTTP 503: upstream busy");
  CHECK(message(500, "") == "HTTP 500: no message");
}

TEST_CASE("the server's word on retrying is passed on, but an empty quota is final") {
  const auto limited = dialect.read_error(
      429, reply(429, R"({"error":{"type":"requests","code":"rate_limit_exceeded"}})",
                 {{"retry-after", "3"}, {"x-should-retry", "true"}}));
  CHECK(limited.retry_after == Duration(3s));
  CHECK(limited.should_retry == true);
  for (const auto* field : {"code", "type"}) {
    const auto empty = dialect.read_error(
        429, reply(429, std::string(R"({"error":{")") + field + R"(":"insufficient_quota"}})",
                   {{"x-should-retry", "true"}}));
    CHECK(empty.failure == Failure::rate_limited);
    CHECK(empty.should_retry == false);
  }
}
