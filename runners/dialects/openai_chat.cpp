#include <utility>

#include <nlohmann/json.hpp>

#include "runners/dialects/dialect.h"
#include "runners/dialects/reply_headers.h"
#include "runners/json_reader.h"

namespace pennyweight {
namespace {

using Json = nlohmann::ordered_json;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

std::optional<std::int64_t> count(const JsonReader& json, std::string_view path) {
  const auto value = json.integer(path);
  return value && *value >= 0 ? value : std::nullopt;
}

std::optional<Usage> usage_of(const JsonReader& json) {
  Usage usage;
  usage.input_tokens = count(json, "/usage/prompt_tokens");
  usage.output_tokens = count(json, "/usage/completion_tokens");
  if (!usage.input_tokens && !usage.output_tokens) return std::nullopt;
  usage.cached_tokens = count(json, "/usage/prompt_tokens_details/cached_tokens");
  usage.reasoning_tokens = count(json, "/usage/completion_tokens_details/reasoning_tokens");
  usage.source = TokenSource::server_usage;
  return usage;
}

std::optional<Finish> finish_of(const JsonReader& json) {
  const auto word = json.text("/choices/0/finish_reason");
  if (!word || word->empty()) return std::nullopt;
  if (*word == "length" || *word == "max_tokens") return Finish::length;
  if (*word == "content_filter") return Finish::content_filter;
  if (*word == "tool_calls" || *word == "function_call") return Finish::tool_calls;
  return Finish::stop;  // "stop", and the words of clones: "eos", "eos_token", "stop_sequence"
}

// {"error":{"message":...}}, {"error":"..."}, {"message":...}, {"detail":...}
std::string error_message_of(const JsonReader& json, std::string_view raw) {
  for (const auto path : {"/error/message", "/error", "/message", "/detail"})
    if (const auto text = json.text(path); text && !text->empty()) return *text;
  return std::string(raw.substr(0, 200));
}

// Text of one message or delta, which stream and whole reply spell alike.
void read_text(const JsonReader& json, const std::string& at, Delta& delta) {
  const auto append = [&](std::string& to, const std::string& path) {
    if (const auto text = json.text(path)) to += *text;
  };
  append(delta.text, at + "/content");
  append(delta.reasoning, at + "/reasoning_content");
  if (delta.reasoning.empty()) append(delta.reasoning, at + "/reasoning");
  std::string refusal;
  append(refusal, at + "/refusal");
  if (!refusal.empty()) {
    delta.text += refusal;
    delta.failure = Failure::refused;
    delta.error_message = "the model refused to answer";
  }
  if (!delta.text.empty()) {
    delta.kind = ChunkKind::content;
    return;
  }
  if (!delta.reasoning.empty()) {
    delta.kind = ChunkKind::reasoning;
    return;
  }
  for (int i = 0; json.has(at + "/tool_calls/" + std::to_string(i)); ++i) {
    const std::string call = at + "/tool_calls/" + std::to_string(i) + "/function";
    append(delta.text, call + "/name");
    append(delta.text, call + "/arguments");
  }
  if (!delta.text.empty()) delta.kind = ChunkKind::tool;
}

Delta protocol_error(std::string message) {
  Delta delta;
  delta.kind = ChunkKind::error;
  delta.failure = Failure::protocol;
  delta.error_message = error_text(message);
  return delta;
}

void read_identity(const JsonReader& json, Delta& delta) {
  delta.model = json.text("/model").value_or("");
  delta.id = json.text("/id").value_or("");
}

// A schema that is not JSON goes out as a text, and the server says what it thinks of it.
Json response_format(const std::string& format) {
  if (format == "json_object") return {{"type", "json_object"}};
  Json schema = Json::parse(format, nullptr, false);
  if (schema.is_discarded()) schema = format;
  return {{"type", "json_schema"},
          {"json_schema", {{"name", "answer"}, {"strict", true}, {"schema", std::move(schema)}}}};
}

Result<std::string> request_body(const std::vector<Message>& messages,
                                 const GenerationParameters& generation,
                                 const DialectConfig& config) {
  try {
    Json body = {{"model", config.model}, {"messages", Json::array()}};
    for (const auto& m : messages)
      body["messages"].push_back({{"role", m.role}, {"content", m.content}});
    body[config.max_tokens_field] = generation.max_tokens;
    if (generation.temperature) body["temperature"] = *generation.temperature;
    if (generation.top_p) body["top_p"] = *generation.top_p;
    if (generation.seed) body["seed"] = *generation.seed;
    if (generation.frequency_penalty) body["frequency_penalty"] = *generation.frequency_penalty;
    if (generation.presence_penalty) body["presence_penalty"] = *generation.presence_penalty;
    if (!generation.response_format.empty())
      body["response_format"] = response_format(generation.response_format);
    if (!generation.stop.empty()) body["stop"] = generation.stop;
    body["stream"] = generation.stream;
    if (generation.stream && config.stream_usage)
      body["stream_options"] = {{"include_usage", true}};
    return body.dump();
  } catch (const Json::exception&) {  // dump() refuses what is not UTF-8
    return fail(ErrorKind::invalid_input, "the prompt cannot be sent as JSON",
                "it is not valid UTF-8");
  }
}

void authorize(const DialectConfig& config, HttpRequest& request) {
  if (!config.api_key.empty())
    request.headers.emplace_back("Authorization", "Bearer " + config.api_key);
}

class OpenAiChat final : public Dialect {
 public:
  std::string_view name() const override { return "openai_chat"; }

  Result<HttpRequest> make_request(const Request& request,
                                   const DialectConfig& config) const override {
    const auto* messages = std::get_if<std::vector<Message>>(&request.prompt);
    if (messages == nullptr)
      return fail(ErrorKind::unsupported,
                  "a chat API takes messages, not a raw prompt or continuations");
    auto body = request_body(*messages, request.generation, config);
    if (!body) return fail(std::move(body.error()));
    HttpRequest http;
    http.url = config.base_url + "/chat/completions";
    http.body = std::move(*body);
    http.timeouts = request.timeouts;
    http.headers = {
        {"Content-Type", "application/json"},
        {"Accept", request.generation.stream ? "text/event-stream" : "application/json"}};
    authorize(config, http);
    return http;
  }

  HttpRequest check_request(const DialectConfig& config) const override {
    HttpRequest http;
    http.method = "GET";
    http.url = config.base_url + "/models";
    http.headers = {{"Accept", "application/json"}};
    authorize(config, http);
    return http;
  }

  Delta read_event(std::string_view, std::string_view data) const override {
    Delta delta;
    delta.kind = ChunkKind::empty;
    const std::string_view text = trimmed(data);
    if (text.starts_with("[DONE]")) {
      delta.end_of_stream = true;
      return delta;
    }
    const auto json = JsonReader::read(text);
    if (!json) return protocol_error("an event is not JSON: " + std::string(text.substr(0, 200)));
    if (json->has("/error"))
      return protocol_error("in the stream: " + error_message_of(*json, text));
    read_identity(*json, delta);
    read_text(*json, "/choices/0/delta", delta);
    delta.finish = finish_of(*json);
    delta.usage = usage_of(*json);
    if (delta.kind != ChunkKind::empty) return delta;
    if (delta.usage) {
      delta.kind = ChunkKind::usage;
    } else if (json->has("/choices/0/delta/role") && !delta.finish) {
      delta.kind = ChunkKind::role;
    }
    return delta;
  }

  std::vector<Delta> read_body(std::string_view body) const override {
    const auto json = JsonReader::read(body);
    if (!json) return {protocol_error("not JSON: " + std::string(body.substr(0, 200)))};
    if (json->has("/error"))
      return {protocol_error("HTTP 200 with " + error_message_of(*json, body))};
    if (!json->has("/choices/0/message"))
      return {protocol_error("a reply without choices: " + std::string(body.substr(0, 200)))};
    Delta text;
    text.kind = ChunkKind::empty;
    read_identity(*json, text);
    read_text(*json, "/choices/0/message", text);
    text.finish = finish_of(*json);
    if (!text.finish) text.finish = Finish::stop;  // a whole reply has ended
    std::vector<Delta> out = {std::move(text)};
    if (auto usage = usage_of(*json)) {
      Delta& last = out.emplace_back();
      last.kind = ChunkKind::usage;
      last.usage = usage;
    }
    return out;
  }

  ErrorReply read_error(int status, const HttpResponse& response) const override;
};

Failure failure_of(int status, std::string_view code) {
  if (status == 401 || status == 403) return Failure::authentication;
  if (status == 429) return Failure::rate_limited;
  if (status >= 500) return Failure::server_error;
  if (status < 400) return Failure::protocol;  // a redirect, or a success without a body to read
  if (code == "context_length_exceeded") return Failure::unsupported;
  if (code == "content_filter" || code == "content_policy_violation") return Failure::refused;
  return Failure::bad_request;
}

ErrorReply OpenAiChat::read_error(int status, const HttpResponse& response) const {
  const auto json = JsonReader::read(response.body);
  std::string code, message;
  if (json) {
    code = json->text("/error/code").value_or("");
    message = error_message_of(*json, response.body);
  } else if (looks_like_html(response.body)) {
    message = "HTML instead of JSON: " + response.body.substr(0, 200);
  } else {
    message = response.body.empty() ? "no message" : response.body.substr(0, 400);
  }
  if (status >= 300 && status < 400)
    message =
        "redirects are not followed, so that the key stays with the server it was given for; "
        "check the base URL (location: " +
        std::string(response.header_value("location")) + ")";
  ErrorReply reply;
  reply.failure = failure_of(status, code);
  reply.message = error_text("HTTP " + std::to_string(status) + ": " + message);
  reply.retry_after = retry_after(response);
  reply.should_retry = should_retry(response);
  // No money is left: trying again can only fail again, whatever a gateway's header says.
  const auto type = json ? json->text("/error/type") : std::nullopt;
  if (code == "insufficient_quota" || type == "insufficient_quota") reply.should_retry = false;
  return reply;
}

}  // namespace

const Dialect& openai_chat_dialect() {
  static const OpenAiChat dialect;
  return dialect;
}

}  // namespace pennyweight
