// The OpenAI Chat Completions protocol as pure functions: request JSON in, reply JSON out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "local_backend/engine_thread.h"
#include "metrics/base/result.h"

namespace pennyweight::llm {

struct ChatRequest {
  GenerateRequest generate;
  bool stream = false;
  bool include_usage = false;
  bool logprobs = false;
  bool has_seed = false;      // else the server picks one
  std::string format_source;  // the parameter that binds the answer; "": none
};
// An error is ErrorKind::invalid_input or unsupported; its `fix` holds the name of the offending
// parameter, as OpenAI's error objects do. Fields it does not know are ignored, as servers do;
// fields that would change the answer and are not supported (tools, n > 1) are refused. Beyond
// OpenAI's own it reads llama-server's grammar (GBNF), top_k, min_p, repeat_penalty, repeat_last_n
// and ignore_eos.
Result<ChatRequest> parse_chat_request(std::string_view json);

// What all replies to one request share.
struct ReplyHead {
  std::string id, model;
  std::int64_t created = 0;  // seconds since 1970
};
struct ReplyUsage {
  int prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
};

// One token of an answer, with as many of the likeliest beside it as were asked for. Bytes, not
// text: a token may be half a character.
struct TokenLogprob {
  std::string bytes;
  float logprob = 0;  // natural log
  std::vector<std::pair<std::string, float>> top;
};

// `logprobs` null: they were not asked for.
std::string chat_reply(const ReplyHead& head, std::string_view text, FinishReason reason,
                       const ReplyUsage& usage,
                       const std::vector<TokenLogprob>* logprobs = nullptr);
// "data: {...}\n\n"
std::string role_event(const ReplyHead& head);
std::string content_event(const ReplyHead& head, std::string_view text,
                          const std::vector<TokenLogprob>* logprobs = nullptr);
std::string finish_event(const ReplyHead& head, FinishReason reason,
                         const std::vector<TokenLogprob>* logprobs = nullptr);
std::string usage_event(const ReplyHead& head, const ReplyUsage& usage);
std::string error_event(std::string_view message, std::string_view type);
inline constexpr std::string_view kDoneEvent = "data: [DONE]\n\n";

std::string error_reply(std::string_view message, std::string_view type,
                        std::string_view param = {}, std::string_view code = {});
std::string models_reply(std::string_view model, std::int64_t created);

}  // namespace pennyweight::llm
