#include "local_backend/openai_protocol.h"

#include <algorithm>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "metrics/base/utf8.h"

namespace pennyweight::llm {
namespace {

using Json = nlohmann::json;

Json token_json(std::string_view bytes, float logprob) {
  Json values = Json::array();
  for (const char byte : bytes) values.push_back(static_cast<unsigned char>(byte));
  return {{"token", replace_invalid_utf8(bytes)},
          // JSON has no infinity; the protocol's word for "hardly ever" is -9999.
          {"logprob", std::max(static_cast<double>(logprob), -9999.0)},
          {"bytes", std::move(values)}};
}

Json logprobs_json(const std::vector<TokenLogprob>* tokens) {
  if (tokens == nullptr) return nullptr;
  Json content = Json::array();
  for (const TokenLogprob& token : *tokens) {
    Json entry = token_json(token.bytes, token.logprob);
    entry["top_logprobs"] = Json::array();
    for (const auto& [bytes, logprob] : token.top)
      entry["top_logprobs"].push_back(token_json(bytes, logprob));
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

Json chunk(const ReplyHead& head, Json delta, Json finish_reason,
           const std::vector<TokenLogprob>* logprobs = nullptr) {
  return {{"id", head.id},
          {"object", "chat.completion.chunk"},
          {"created", head.created},
          {"model", head.model},
          {"choices", Json::array({{{"index", 0},
                                    {"delta", std::move(delta)},
                                    {"logprobs", logprobs_json(logprobs)},
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

std::string chat_reply(const ReplyHead& head, std::string_view text, FinishReason reason,
                       const ReplyUsage& usage, const std::vector<TokenLogprob>* logprobs) {
  const Json reply = {{"id", head.id},
                      {"object", "chat.completion"},
                      {"created", head.created},
                      {"model", head.model},
                      {"choices", Json::array({{{"index", 0},
                                                {"message",
                                                 {{"role", "assistant"},
                                                  {"content", replace_invalid_utf8(text)},
                                                  {"refusal", nullptr}}},
                                                {"logprobs", logprobs_json(logprobs)},
                                                {"finish_reason", reason_text(reason)}}})},
                      {"usage", usage_json(usage)}};
  return reply.dump();
}

std::string role_event(const ReplyHead& head) {
  return event(chunk(head, {{"role", "assistant"}, {"content", ""}}, nullptr));
}

std::string content_event(const ReplyHead& head, std::string_view text,
                          const std::vector<TokenLogprob>* logprobs) {
  return event(chunk(head, {{"content", replace_invalid_utf8(text)}}, nullptr, logprobs));
}

std::string finish_event(const ReplyHead& head, FinishReason reason,
                         const std::vector<TokenLogprob>* logprobs) {
  return event(chunk(head, Json::object(), reason_text(reason), logprobs));
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
