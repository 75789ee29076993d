#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "local_backend/grammar/json_schema.h"
#include "local_backend/json_excess.h"
#include "local_backend/openai_protocol.h"

namespace pennyweight::llm {
namespace {

using Json = nlohmann::ordered_json;  // a schema's properties come in its order

Error bad(const std::string& parameter, const std::string& what,
          ErrorKind kind = ErrorKind::invalid_input) {
  return {kind, what, "", parameter};
}

// A field's text; "" when it is not there or not a text. Never throws, whatever the type.
std::string text_field(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

bool is_set(const Json& body, const char* name) {
  const auto it = body.find(name);
  return it != body.end() && !it->is_null() && *it != Json(false) && *it != Json::array() &&
         *it != Json::object();
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
    if (is_set(message, "tool_calls") || is_set(message, "function_call")) {
      return fail(bad(where, where + ": calls of tools are not supported by this server",
                      ErrorKind::unsupported));
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
  for (const char* name : {"tools", "functions", "audio"}) {
    if (is_set(body, name)) {
      return fail(bad(name, std::string(name) + " is not supported by this server",
                      ErrorKind::unsupported));
    }
  }
  if (is_set(body, "n") && body["n"] != Json(1)) {
    return fail(bad("n", "only n = 1 is supported", ErrorKind::unsupported));
  }
  return {};
}

// {"123": -100}: token ids as texts.
Result<void> read_bias(const Json& body, SamplingParams& out) {
  if (!is_set(body, "logit_bias")) return {};
  const Json& biases = body["logit_bias"];
  if (!biases.is_object()) return fail(bad("logit_bias", "logit_bias must be an object"));
  for (const auto& [key, value] : biases.items()) {
    Token token = -1;
    const char* end = key.data() + key.size();
    const auto parsed = std::from_chars(key.data(), end, token);
    const bool in_range = value.is_number() && std::abs(value.get<double>()) <= 100;
    if (parsed.ec != std::errc() || parsed.ptr != end || token < 0 || !in_range) {
      return fail(bad("logit_bias", "logit_bias must map token ids to numbers from -100 to 100"));
    }
    out.logit_bias.emplace_back(token, value.get<float>());
  }
  return {};
}

Result<void> read_logprobs(const Json& body, ChatRequest& out) {
  const auto asked = flag(body, "logprobs");
  if (!asked) return fail(asked.error());
  out.logprobs = *asked;
  if (auto top = number(body, "top_logprobs", 0, kMaxTop, out.generate.top); !top) return top;
  out.generate.sampling.logprobs = out.logprobs;
  if (out.generate.top > 0 && !out.logprobs) {
    return fail(bad("top_logprobs", "top_logprobs needs logprobs = true"));
  }
  return {};
}

using GrammarResult = Result<std::shared_ptr<const Grammar>>;

GrammarResult named(GrammarResult grammar, const char* parameter) {
  if (grammar) return grammar;
  const Error& error = grammar.error();
  return fail(
      bad(parameter, error.why.empty() ? error.what : error.what + ": " + error.why, error.kind));
}

GrammarResult response_format(const Json& format) {
  constexpr const char* kName = "response_format";
  const std::string type = format.is_object() ? text_field(format, "type") : "";
  if (type == "text") return nullptr;
  const Json* schema = nullptr;
  if (type == "json_schema") {
    const auto it = format.find("json_schema");
    if (it == format.end() || !it->is_object() || !it->contains("schema")) {
      return fail(bad(kName, "response_format.json_schema.schema is missing"));
    }
    schema = &(*it)["schema"];
  } else if (type != "json_object") {
    return fail(bad(kName, "response_format must be of type text, json_object or json_schema",
                    ErrorKind::unsupported));
  } else if (format.contains("schema")) {  // as llama-server reads it
    schema = &format["schema"];
  }
  if (schema == nullptr) return json_object_grammar();
  return named(grammar_of_json_schema(schema->dump()), kName);
}

Result<void> read_grammar(const Json& body, ChatRequest& request) {
  GenerateRequest& out = request.generate;
  const bool has_format = is_set(body, "response_format"), has_grammar = is_set(body, "grammar");
  GrammarResult grammar = nullptr;
  if (has_format) grammar = response_format(body["response_format"]);
  if (has_grammar) {
    if (!grammar) return fail(grammar.error());
    if (*grammar) return fail(bad("grammar", "grammar beside response_format"));
    if (!body["grammar"].is_string()) return fail(bad("grammar", "grammar must be a string"));
    const auto text = body["grammar"].get<std::string>();
    if (!text.empty()) grammar = named(Grammar::parse(text), "grammar");
  }
  if (!grammar) return fail(grammar.error());
  out.grammar = *std::move(grammar);
  if (out.grammar) request.format_source = has_grammar ? "grammar" : "response_format";
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
      number(body, "frequency_penalty", -2, 2, sampling.frequency_penalty),
      number(body, "presence_penalty", -2, 2, sampling.presence_penalty),
      number(body, "repeat_penalty", 0.01, 100, sampling.repeat_penalty),
      number(body, "repeat_last_n", -1, 1 << 30, sampling.penalty_last_n),
      read_bias(body, sampling),
      read_logprobs(body, out),
      number(body, "seed", -9.2e18, 9.2e18, sampling.seed),
      number(body, "max_tokens", 1, 1 << 30, out.generate.max_tokens),
      number(body, "max_completion_tokens", 1, 1 << 30, out.generate.max_tokens)};
  for (const auto& result : read) {
    if (!result) return result;
  }
  const auto seed = body.find("seed");
  out.has_seed = seed != body.end() && !seed->is_null();
  return {};
}

}  // namespace

Result<ChatRequest> parse_chat_request(std::string_view text) {
  if (const auto excess = json_excess(text); !excess.empty())
    return fail(bad("", "the request body " + std::string(excess)));
  const Json body = Json::parse(text, nullptr, false);
  if (!body.is_object()) return fail(bad("", "the request body is not a JSON object"));
  if (auto refused = refuse_unsupported(body); !refused) return fail(refused.error());
  ChatRequest out;
  auto messages = messages_of(body);
  if (!messages) return fail(messages.error());
  out.generate.prompt = std::move(*messages);
  if (auto read = read_sampling(body, out); !read) return fail(read.error());
  if (auto read = read_grammar(body, out); !read) return fail(read.error());
  auto stops = stops_of(body);
  if (!stops) return fail(stops.error());
  out.generate.stop = std::move(*stops);
  auto stream = flag(body, "stream");
  auto ignore_eos = flag(body, "ignore_eos");
  if (!stream) return fail(stream.error());
  if (!ignore_eos) return fail(ignore_eos.error());
  out.stream = *stream;
  out.generate.ignore_eos = *ignore_eos;
  if (*ignore_eos && out.generate.grammar) {
    return fail(bad("ignore_eos", "ignore_eos beside " + out.format_source));
  }
  if (const auto it = body.find("stream_options"); it != body.end() && it->is_object()) {
    auto usage = flag(*it, "include_usage");
    if (!usage) return fail(usage.error());
    out.include_usage = *usage;
  }
  return out;
}

}  // namespace pennyweight::llm
