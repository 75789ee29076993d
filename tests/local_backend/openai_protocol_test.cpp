#include "local_backend/openai_protocol.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "tests/test.h"

using namespace pennyweight;
using namespace pennyweight::llm;
using Json = nlohmann::json;

namespace {

std::string refusal(const std::string& body) {
  const auto parsed = parse_chat_request(body);
  return parsed ? "" : parsed.error().what;
}

Json data_of(const std::string& event) {
  REQUIRE(event.substr(0, 6) == "data: ");
  REQUIRE(event.substr(event.size() - 2) == "\n\n");
  return Json::parse(event.substr(6));
}

}  // namespace

TEST_CASE("a chat request is read with the protocol's defaults") {
  const auto request = parse_chat_request(
      R"({"model":"x","messages":[{"role":"user","content":"안녕"}],"max_tokens":7})");
  REQUIRE(request);
  const auto& messages = std::get<std::vector<ChatMessage>>(request->generate.prompt);
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].content == "안녕");
  CHECK(request->generate.max_tokens == 7);
  CHECK(request->generate.sampling.temperature == 1);
  CHECK_FALSE(request->stream);
}

TEST_CASE("content may be a list of text parts, and developer is system") {
  const auto request = parse_chat_request(
      R"({"messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
          {"role":"user","content":"c"}],"stream":true,"stream_options":{"include_usage":true},
          "stop":"END","temperature":0,"seed":5,"max_completion_tokens":3,"unknown_field":1})");
  REQUIRE(request);
  const auto& messages = std::get<std::vector<ChatMessage>>(request->generate.prompt);
  CHECK(messages[0].role == "system");
  CHECK(messages[0].content == "ab");
  CHECK(request->stream);
  CHECK(request->include_usage);
  CHECK(request->generate.stop == std::vector<std::string>{"END"});
  CHECK(request->generate.sampling.seed == 5);
  CHECK(request->generate.max_tokens == 3);
}

TEST_CASE("a message that calls tools is refused, not read as an empty turn") {
  CHECK(refusal(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,
      "tool_calls":[{"id":"1"}]}]})") ==
        "messages[1]: calls of tools are not supported by this server");
  CHECK(refusal(
            R"({"messages":[{"role":"assistant","content":null,"function_call":{"name":"f"}}]})") ==
        "messages[0]: calls of tools are not supported by this server");
  CHECK(refusal(R"({"messages":[{"role":"assistant","content":"x","tool_calls":[]}]})").empty());
}

TEST_CASE("fields that SDKs send as null or empty are absent") {
  CHECK(parse_chat_request(R"({"messages":[{"role":"user","content":"a"}],"stop":null,"tools":[],
      "temperature":null,"logprobs":false,"n":1,"response_format":{"type":"text"}})"));
}

TEST_CASE("a wrong request says which parameter is wrong") {
  const std::string ok = R"("messages":[{"role":"user","content":"a"}])";
  CHECK(refusal("{") == "the request body is not a JSON object");
  CHECK(refusal("[]") == "the request body is not a JSON object");
  CHECK(refusal("{}") == "messages must be a list with at least one message");
  CHECK(refusal(R"({"messages":[]})") == "messages must be a list with at least one message");
  CHECK(refusal(R"({"messages":[1]})") == "messages[0] must be an object with a role");
  CHECK(refusal(R"({"messages":[{"role":"tool","content":"a"}]})") ==
        "messages[0].role \"tool\" is not system, user or assistant");
  CHECK(refusal("{" + ok + R"(,"max_tokens":0})") == "max_tokens is out of range");
  CHECK(refusal("{" + ok + R"(,"max_tokens":1.5})") == "max_tokens must be an integer");
  CHECK(refusal("{" + ok + R"(,"temperature":"hot"})") == "temperature must be a number");
  CHECK(refusal("{" + ok + R"(,"top_p":2})") == "top_p is out of range");
  CHECK(refusal("{" + ok + R"(,"stop":[""]})") == "stop must hold non-empty strings");
  CHECK(refusal("{" + ok + R"(,"stream":"yes"})") == "stream must be true or false");
  CHECK(refusal("{" + ok + R"(,"tools":[{"type":"function"}]})") ==
        "tools is not supported by this server");
  CHECK(refusal("{" + ok + R"(,"n":2})") == "only n = 1 is supported");
  CHECK(refusal("{" + ok + R"(,"response_format":{"type":1}})") ==
        "response_format must be of type text, json_object or json_schema");
  CHECK(refusal("{" + ok + R"(,"response_format":{"type":"json_schema"}})") ==
        "response_format.json_schema.schema is missing");
  CHECK(refusal("{" + ok + R"(,"response_format":{"type":"json_schema","json_schema":
        {"schema":{"not":{}}}}})") == "JSON schema, #: \"not\" is not supported");
  CHECK(refusal("{" + ok + R"(,"grammar":"root ::= root"})") ==
        "grammar: rule \"root\" is left-recursive: it begins with itself before any character");
  CHECK(refusal("{" + ok + R"(,"grammar":"root ::= \"a\"","response_format":
        {"type":"json_object"}})") == "grammar beside response_format");
  CHECK(refusal("{" + ok + R"(,"grammar":3})") == "grammar must be a string");
  CHECK(refusal("{" + ok + R"(,"top_logprobs":3})") == "top_logprobs needs logprobs = true");
  CHECK(refusal("{" + ok + R"(,"logprobs":true,"top_logprobs":21})") ==
        "top_logprobs is out of range");
  CHECK(refusal("{" + ok + R"(,"frequency_penalty":3})") == "frequency_penalty is out of range");
  CHECK(refusal("{" + ok + R"(,"repeat_penalty":0})") == "repeat_penalty is out of range");
  for (const char* bias : {"[1]", R"({"a":1})", R"({"-1":1})", R"({"1":200})", R"({"1":"x"})"})
    CHECK(refusal("{" + ok + R"(,"logit_bias":)" + bias + "}").rfind("logit_bias must", 0) == 0);
  CHECK(refusal("{" + ok + R"(,"stop":)" + std::string(100'000, '[')) ==
        "the request body nests too deep");
  CHECK(refusal(R"({"messages":[{"role":"user","content":[{"type":1}]}]})") ==
        "messages[0].content: only parts of type \"text\" are supported");
  CHECK(refusal(R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})") ==
        "messages[0].content: only parts of type \"text\" are supported");
}

TEST_CASE("sampling, grammar and log-probabilities are read") {
  const std::string ok = R"({"messages":[{"role":"user","content":"a"}],)";
  const auto request =
      parse_chat_request(ok + R"("frequency_penalty":0.5,"presence_penalty":-1,"repeat_penalty":1.1,
      "repeat_last_n":-1,"logit_bias":{"7":-100,"9":1.5},"logprobs":true,"top_logprobs":2,
      "grammar":"root ::= \"a\""})");
  REQUIRE(request);
  const SamplingParams& sampling = request->generate.sampling;
  CHECK(sampling.frequency_penalty == 0.5f);
  CHECK(sampling.presence_penalty == -1);
  CHECK(sampling.repeat_penalty == 1.1f);
  CHECK(sampling.penalty_last_n == -1);
  CHECK(sampling.logit_bias == std::vector<std::pair<Token, float>>{{7, -100.0f}, {9, 1.5f}});
  CHECK(request->logprobs);
  CHECK(request->generate.top == 2);
  CHECK(request->generate.grammar);
  for (const char* format :
       {R"("response_format":{"type":"json_object"}})",
        R"("response_format":{"type":"json_object","schema":{"type":"object"}}})",
        R"("response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,
           "schema":{"type":"integer"}}}})"}) {
    const auto formatted = parse_chat_request(ok + format);
    REQUIRE(formatted);
    CHECK(formatted->generate.grammar);
  }
}

TEST_CASE("log-probabilities have the protocol's shape, bytes included") {
  const ReplyHead head{"chatcmpl-1", "m", 12};
  const std::vector<TokenLogprob> tokens{{"\xea\xb0", -0.5f, {{"a", -0.5f}, {"b", -INFINITY}}}};
  const Json whole = Json::parse(chat_reply(head, "x", FinishReason::stop, {1, 0, 2}, &tokens));
  const Json& content = whole["choices"][0]["logprobs"]["content"];
  REQUIRE(content.size() == 1);
  CHECK(content[0]["token"] == "\xEF\xBF\xBD");
  CHECK(content[0]["bytes"] == Json::array({0xea, 0xb0}));
  CHECK(content[0]["logprob"] == -0.5);
  CHECK(content[0]["top_logprobs"][1]["token"] == "b");
  CHECK(content[0]["top_logprobs"][1]["logprob"] == -9999.0);
  CHECK(data_of(content_event(head, "x", &tokens))["choices"][0]["logprobs"]["content"] == content);
  CHECK(data_of(content_event(head, "x"))["choices"][0]["logprobs"].is_null());
}

TEST_CASE("every prefix of a request is refused and none crashes") {
  const std::string body =
      R"({"messages":[{"role":"user","content":"가나"}],"max_tokens":7,"stop":["a"]})";
  for (std::size_t n = 0; n < body.size(); ++n) CHECK_FALSE(parse_chat_request(body.substr(0, n)));
}

TEST_CASE("events have the shape that OpenAI's clients read") {
  const ReplyHead head{"chatcmpl-1", "m", 12};
  CHECK(data_of(role_event(head))["choices"][0]["delta"]["role"] == "assistant");
  CHECK(data_of(content_event(head, "값"))["choices"][0]["delta"]["content"] == "값");
  const Json finish = data_of(finish_event(head, FinishReason::length));
  CHECK(finish["choices"][0]["finish_reason"] == "length");
  CHECK(finish["object"] == "chat.completion.chunk");
  const Json usage = data_of(usage_event(head, {9, 4, 5}));
  CHECK(usage["choices"].empty());
  CHECK(usage["usage"]["total_tokens"] == 14);
  CHECK(usage["usage"]["prompt_tokens_details"]["cached_tokens"] == 4);
  const Json whole = Json::parse(chat_reply(head, "x\xff", FinishReason::stop, {1, 0, 2}));
  CHECK(whole["choices"][0]["message"]["content"] == "x\xEF\xBF\xBD");
  CHECK(whole["choices"][0]["finish_reason"] == "stop");
  CHECK(Json::parse(error_reply("bad \xff", "t"))["error"]["param"].is_null());
}
