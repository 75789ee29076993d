#include "runners/target.h"

#include <type_traits>

#include "metrics/base/hash.h"

namespace pennyweight {
namespace {

Value messages_value(const std::vector<Message>& messages) {
  Value::List list;
  for (const auto& m : messages) {
    list.emplace_back(Value::Map{{"role", m.role}, {"content", m.content}});
  }
  return list;
}

Value prompt_value(const Request& request) {
  Value out;
  const auto set = [&out](const auto& prompt) {
    if constexpr (std::is_same_v<std::decay_t<decltype(prompt)>, RawPrompt>) {
      out.set("text", prompt.text);
    } else {
      out.set("messages", messages_value(prompt));
    }
  };
  if (const auto* messages = std::get_if<std::vector<Message>>(&request.prompt)) {
    set(*messages);
  } else if (const auto* raw = std::get_if<RawPrompt>(&request.prompt)) {
    set(*raw);
  } else {
    const auto& scored = std::get<Continuations>(request.prompt);
    std::visit(set, scored.prefix);
    out.set("continuations", Value::List(scored.continuations.begin(), scored.continuations.end()));
  }
  return out;
}

std::size_t bytes_of(const std::vector<Message>& messages) {
  std::size_t bytes = 0;
  for (const auto& m : messages) bytes += m.content.size();
  return bytes;
}
std::size_t bytes_of(const RawPrompt& prompt) {
  return prompt.text.size();
}
// Each continuation is computed after the whole of the prefix.
std::size_t bytes_of(const Continuations& scored) {
  const std::size_t prefix =
      std::visit([](const auto& prompt) { return bytes_of(prompt); }, scored.prefix);
  std::size_t bytes = 0;
  for (const auto& c : scored.continuations) bytes += prefix + c.size();
  return bytes;
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
  return std::visit([](const auto& prompt) { return static_cast<std::int64_t>(bytes_of(prompt)); },
                    request.prompt);
}

std::string prompt_sha256(const Request& request) {
  Value whole;
  whole.set("prompt", prompt_value(request));
  whole.set("generation", to_value(request.generation));
  return sha256(to_json(whole, JsonStyle::canonical));
}

}  // namespace pennyweight
