#include "local_backend/openai_protocol.h"

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
  CHECK(refusal("{" + ok + R"(,"response_format":{"type":"json_object"}})") ==
        "only response_format text is supported");
  CHECK(refusal("{" + ok + R"(,"response_format":{"type":1}})") ==
        "only response_format text is supported");
  CHECK(refusal(R"({"messages":[{"role":"user","content":[{"type":1}]}]})") ==
        "messages[0].content: only parts of type \"text\" are supported");
  CHECK(refusal(R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})") ==
        "messages[0].content: only parts of type \"text\" are supported");
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
