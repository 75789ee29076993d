#include "local_backend/openai_protocol.h"

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

using Json = nlohmann::json;

Error bad(const std::string& parameter, const std::string& what,
          ErrorKind kind = ErrorKind::invalid_input) {
  return {kind, what, "", parameter};
}

// A field's text; "" when it is not there or not a text. Never throws, whatever the type.
std::string text_field(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Text of a message: a string, or a list of text parts.
Result<std::string> content_of(const Json& message, const std::string& where) {
  const auto it = message.find("content");
  if (it == message.end() || it->is_null()) return std::string();
  if (it->is_string()) return it->get<std::string>();
  if (!it->is_array())
    return fail(bad(where, where + ".content must be a string or a list of parts"));
  std::string text;
  for (const Json& part : *it) {
    if (!part.is_object() || text_field(part, "type") != "text" || !part.contains("text") ||
        !part["text"].is_string()) {
      return fail(bad(where, where + ".content: only parts of type \"text\" are supported",
                      ErrorKind::unsupported));
    }
    text += part["text"].get<std::string>();
  }
  return text;
}

Result<std::vector<ChatMessage>> messages_of(const Json& body) {
  const auto it = body.find("messages");
  if (it == body.end() || !it->is_array() || it->empty()) {
    return fail(bad("messages", "messages must be a list with at least one message"));
  }
  std::vector<ChatMessage> messages;
  for (const Json& message : *it) {
    const std::string where = "messages[" + std::to_string(messages.size()) + "]";
    if (!message.is_object() || !message.contains("role") || !message["role"].is_string()) {
      return fail(bad(where, where + " must be an object with a role"));
    }
    std::string role = message["role"].get<std::string>();
    if (role == "developer") role = "system";
    if (role != "system" && role != "user" && role != "assistant") {
      return fail(bad(where, where + ".role \"" + role + "\" is not system, user or assistant",
                      ErrorKind::unsupported));
    }
    auto content = content_of(message, where);
    if (!content) return fail(content.error());
    messages.push_back({std::move(role), std::move(*content)});
  }
  return messages;
}

// Reads a number into `out` when the field is there; null counts as absent.
template <class T>
Result<void> number(const Json& body, const char* name, double least, double most, T& out) {
  const auto it = body.find(name);
  if (it == body.end() || it->is_null()) return {};
  const bool integral = std::is_integral_v<T>;
  if (integral ? !it->is_number_integer() : !it->is_number()) {
    return fail(
        bad(name, std::string(name) + " must be " + (integral ? "an integer" : "a number")));
  }
  const double value = it->template get<double>();
  if (!(value >= least && value <= most)) {
    return fail(bad(name, std::string(name) + " is out of range"));
  }
  out = it->template get<T>();
  return {};
}

Result<bool> flag(const Json& body, const char* name) {
  const auto it = body.find(name);
  if (it == body.end() || it->is_null()) return false;
  if (!it->is_boolean()) return fail(bad(name, std::string(name) + " must be true or false"));
  return it->get<bool>();
}

Result<std::vector<std::string>> stops_of(const Json& body) {
  std::vector<std::string> stops;
  const auto it = body.find("stop");
  if (it == body.end() || it->is_null()) return stops;
  const Json list = it->is_string() ? Json::array({*it}) : *it;
  if (!list.is_array() || list.size() > 16) {
    return fail(bad("stop", "stop must be a string or a list of at most 16 strings"));
  }
  for (const Json& stop : list) {
    if (!stop.is_string() || stop.get_ref<const std::string&>().empty()) {
      return fail(bad("stop", "stop must hold non-empty strings"));
    }
    stops.push_back(stop.get<std::string>());
  }
  return stops;
}

// What would change the answer, and we cannot do.
Result<void> refuse_unsupported(const Json& body) {
  const auto set = [&body](const char* name) {
    const auto it = body.find(name);
    return it != body.end() && !it->is_null() && *it != Json(false) && *it != Json::array();
  };
  for (const char* name :
       {"tools", "functions", "logprobs", "top_logprobs", "logit_bias", "audio"}) {
    if (set(name) && body[name] != Json(0) && body[name] != Json::object()) {
      return fail(bad(name, std::string(name) + " is not supported by this server",
                      ErrorKind::unsupported));
    }
  }
  if (set("n") && body["n"] != Json(1)) {
    return fail(bad("n", "only n = 1 is supported", ErrorKind::unsupported));
  }
  if (set("response_format") && (!body["response_format"].is_object() ||
                                 text_field(body["response_format"], "type") != "text")) {
    return fail(
        bad("response_format", "only response_format text is supported", ErrorKind::unsupported));
  }
  return {};
}

Result<void> read_sampling(const Json& body, ChatRequest& out) {
  SamplingParams& sampling = out.generate.sampling;
  sampling.temperature = 1;  // the protocol's default
  const Result<void> read[] = {
      number(body, "temperature", 0, 100, sampling.temperature),
      number(body, "top_p", 0, 1, sampling.top_p),
      number(body, "min_p", 0, 1, sampling.min_p),
      number(body, "top_k", 0, 1 << 30, sampling.top_k),
      number(body, "seed", -9.2e18, 9.2e18, sampling.seed),
      number(body, "max_tokens", 1, 1 << 30, out.generate.max_tokens),
      number(body, "max_completion_tokens", 1, 1 << 30, out.generate.max_tokens)};
  for (const auto& result : read) {
    if (!result) return fail(result.error());
  }
  return {};
}

Json chunk(const ReplyHead& head, Json delta, Json finish_reason) {
  return {{"id", head.id},
          {"object", "chat.completion.chunk"},
          {"created", head.created},
          {"model", head.model},
          {"choices", Json::array({{{"index", 0},
                                    {"delta", std::move(delta)},
                                    {"logprobs", nullptr},
                                    {"finish_reason", std::move(finish_reason)}}})}};
}

std::string event(const Json& data) {
  return "data: " + data.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
}

const char* reason_text(FinishReason reason) {
  return reason == FinishReason::length ? "length" : "stop";
}

Json usage_json(const ReplyUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

Json error_json(std::string_view message, std::string_view type, std::string_view param,
                std::string_view code) {
  const auto or_null = [](std::string_view text) { return text.empty() ? Json() : Json(text); };
  return {{"error",
           {{"message", replace_invalid_utf8(message)},
            {"type", type},
            {"param", or_null(param)},
            {"code", or_null(code)}}}};
}

}  // namespace

Result<ChatRequest> parse_chat_request(std::string_view text) {
  const Json body = Json::parse(text, nullptr, false);
  if (!body.is_object()) return fail(bad("", "the request body is not a JSON object"));
  if (auto refused = refuse_unsupported(body); !refused) return fail(refused.error());
  ChatRequest out;
  auto messages = messages_of(body);
  if (!messages) return fail(messages.error());
  out.generate.prompt = std::move(*messages);
  if (auto read = read_sampling(body, out); !read) return fail(read.error());
  auto stops = stops_of(body);
  if (!stops) return fail(stops.error());
  out.generate.stop = std::move(*stops);
  auto stream = flag(body, "stream");
  auto ignore_eos = flag(body, "ignore_eos");
  if (!stream) return fail(stream.error());
  if (!ignore_eos) return fail(ignore_eos.error());
  out.stream = *stream;
  out.generate.ignore_eos = *ignore_eos;
  if (const auto it = body.find("stream_options"); it != body.end() && it->is_object()) {
    auto usage = flag(*it, "include_usage");
    if (!usage) return fail(usage.error());
    out.include_usage = *usage;
  }
  return out;
}

std::string chat_reply(const ReplyHead& head, std::string_view text, FinishReason reason,
                       const ReplyUsage& usage) {
  const Json reply = {{"id", head.id},
                      {"object", "chat.completion"},
                      {"created", head.created},
                      {"model", head.model},
                      {"choices", Json::array({{{"index", 0},
                                                {"message",
                                                 {{"role", "assistant"},
                                                  {"content", replace_invalid_utf8(text)},
                                                  {"refusal", nullptr}}},
                                                {"logprobs", nullptr},
                                                {"finish_reason", reason_text(reason)}}})},
                      {"usage", usage_json(usage)}};
  return reply.dump();
}

std::string role_event(const ReplyHead& head) {
  return event(chunk(head, {{"role", "assistant"}, {"content", ""}}, nullptr));
}

std::string content_event(const ReplyHead& head, std::string_view text) {
  return event(chunk(head, {{"content", replace_invalid_utf8(text)}}, nullptr));
}

std::string finish_event(const ReplyHead& head, FinishReason reason) {
  return event(chunk(head, Json::object(), reason_text(reason)));
}

std::string usage_event(const ReplyHead& head, const ReplyUsage& usage) {
  Json out = chunk(head, Json::object(), nullptr);
  out["choices"] = Json::array();
  out["usage"] = usage_json(usage);
  return event(out);
}

std::string error_event(std::string_view message, std::string_view type) {
  return event(error_json(message, type, {}, {}));
}

std::string error_reply(std::string_view message, std::string_view type, std::string_view param,
                        std::string_view code) {
  return error_json(message, type, param, code).dump();
}

std::string models_reply(std::string_view model, std::int64_t created) {
  const Json reply = {
      {"object", "list"},
      {"data",
       Json::array(
           {{{"id", model}, {"object", "model"}, {"created", created}, {"owned_by", "local"}}})}};
  return reply.dump();
}

}  // namespace pennyweight::llm
