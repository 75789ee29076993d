#include "runners/target.h"

#include "metrics/base/hash.h"

namespace pennyweight {
namespace {

Value prompt_value(const Request& request) {
  Value out;
  if (const auto* messages = std::get_if<std::vector<Message>>(&request.prompt)) {
    Value::List list;
    for (const auto& m : *messages) {
      list.emplace_back(Value::Map{{"role", m.role}, {"content", m.content}});
    }
    out.set("messages", std::move(list));
  } else if (const auto* raw = std::get_if<RawPrompt>(&request.prompt)) {
    out.set("text", raw->text);
  } else {
    const auto& scored = std::get<Continuations>(request.prompt);
    out.set("prefix", scored.prefix);
    out.set("continuations", Value::List(scored.continuations.begin(), scored.continuations.end()));
  }
  return out;
}

}  // namespace

Value to_value(const GenerationParameters& g) {
  Value out;
  out.set("max_tokens", g.max_tokens);
  if (g.temperature) out.set("temperature", *g.temperature);
  if (g.top_p) out.set("top_p", *g.top_p);
  if (g.top_k) out.set("top_k", *g.top_k);
  if (g.frequency_penalty) out.set("frequency_penalty", *g.frequency_penalty);
  if (g.presence_penalty) out.set("presence_penalty", *g.presence_penalty);
  if (g.repeat_penalty) out.set("repeat_penalty", *g.repeat_penalty);
  if (!g.response_format.empty()) out.set("response_format", g.response_format);
  // As text: JSON readers lose integers above 2^53.
  if (g.seed) out.set("seed", std::to_string(*g.seed));
  if (!g.stop.empty()) out.set("stop", Value::List(g.stop.begin(), g.stop.end()));
  out.set("stream", g.stream);
  if (g.ignore_eos) out.set("ignore_eos", true);
  return out;
}

std::int64_t input_bytes(const Request& request) {
  std::size_t bytes = 0;
  if (const auto* messages = std::get_if<std::vector<Message>>(&request.prompt)) {
    for (const auto& m : *messages) bytes += m.content.size();
  } else if (const auto* raw = std::get_if<RawPrompt>(&request.prompt)) {
    bytes = raw->text.size();
  } else {
    const auto& scored = std::get<Continuations>(request.prompt);
    bytes = scored.prefix.size();
    for (const auto& c : scored.continuations) bytes += c.size();
  }
  return static_cast<std::int64_t>(bytes);
}

std::string prompt_sha256(const Request& request) {
  Value whole;
  whole.set("prompt", prompt_value(request));
  whole.set("generation", to_value(request.generation));
  return sha256(to_json(whole, JsonStyle::canonical));
}

}  // namespace pennyweight
