#include "local_backend/chat_template.h"

#include <algorithm>

#include <fmt/format.h>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/known_templates.h"
#include "metrics/base/hash.h"

namespace pennyweight::llm {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
// Of a file's own; models have one to three. Each may take all the steps that a template may.
constexpr std::size_t kMostTemplates = 4;
// What strftime_now tells: the day that Llama 3's own template falls back on without a clock.
constexpr std::string_view kDate = "2024-07-26";

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kWhiteSpace);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kWhiteSpace) + 1 - begin));
}

}  // namespace

ChatTemplate::ChatTemplate(std::string name, std::string_view source, const Tokenizer& tokenizer,
                           TextTemplate parsed)
    : name_(std::move(name)),
      hash_(sha256(source)),
      bos_text_(tokenizer.text(tokenizer.bos())),
      eos_text_(tokenizer.text(tokenizer.eos())),
      template_(std::move(parsed)) {}

std::optional<FollowedText> ChatTemplate::probe(const std::vector<ChatMessage>& messages) const {
  auto out = render_prepared(messages);
  if (!out) return std::nullopt;
  return std::move(*out);
}

// A template is ours when it parses and answers the simplest conversation. The same probes tell
// what it wants: content as one text or in parts, and whether it has a place for a system message.
Result<ChatTemplate> ChatTemplate::of_file(std::string name, const std::string& source,
                                           const Tokenizer& tokenizer) {
  auto parsed = TextTemplate::parse(source, TemplateUse::chat_template);
  if (!parsed) return fail(parsed.error());
  ChatTemplate own(std::move(name), source, tokenizer, std::move(*parsed));
  const auto shows = [](const std::optional<FollowedText>& prompt, std::string_view content) {
    return prompt && prompt->text.find(content) != std::string::npos;
  };
  const ChatMessage system{"system", "Be brief."}, user{"user", "Hello"};
  const auto as_text = own.render_prepared({user});
  if (!as_text || as_text->text.find(user.content) == std::string::npos) {
    own.content_in_parts_ = true;
    own.content_in_parts_ = shows(own.probe({user}), user.content);
    if (!as_text && !own.content_in_parts_) return fail(as_text.error());
  }
  own.takes_system_ = shows(own.probe({system, user}), system.content);
  return own;
}

Result<ChatTemplate> ChatTemplate::load(const GgufFile& file, const Tokenizer& tokenizer) {
  static constexpr std::string_view kKey = "tokenizer.chat_template";
  std::vector<std::pair<std::string, std::string>> sources;  // name, text
  const auto take = [&](const std::string& key) -> Result<void> {
    const auto source = file.text_value(key);
    if (!source) return fail(source.error());
    const std::string variant = key.substr(std::min(key.size(), kKey.size() + 1));
    if (*source) sources.emplace_back(variant.empty() ? "file" : "file:" + variant, **source);
    return {};
  };
  Result<void> taken = take(std::string(kKey));
  for (const auto& [key, value] : file.metadata()) {
    if (sources.size() == kMostTemplates || !taken) break;
    if (key.starts_with(std::string(kKey) + ".")) taken = take(key);
  }
  if (!taken) return fail(taken.error());
  const KnownTemplate* known = nullptr;
  std::string reason;
  for (const auto& [name, source] : sources) {
    auto own = of_file(name, source, tokenizer);
    if (own) return own;
    const Error& error = own.error();
    if (reason.empty()) reason = error.why.empty() ? error.what : error.what + ": " + error.why;
    if (known == nullptr) known = known_template_of(source);
  }
  if (known == nullptr) known = &chatml_template();
  auto parsed = TextTemplate::parse(known->source);
  if (!parsed) return fail(parsed.error());
  ChatTemplate writer(std::string(known->name), known->source, tokenizer, std::move(*parsed));
  writer.known_ = known;
  if (!reason.empty())
    writer.fallback_reason_ = fmt::format(
        "the file's own chat template cannot be used ({}); {} stands in", reason, known->name);
  return writer;
}

// Roles checked, and the system message where the family wants it.
Result<std::vector<ChatMessage>> ChatTemplate::prepared(
    std::span<const ChatMessage> messages) const {
  for (const ChatMessage& message : messages) {
    if (message.role == "system" || message.role == "user" || message.role == "assistant") continue;
    return fail(ErrorKind::invalid_input, "a message has the role \"" + message.role + "\"",
                "roles are system, user and assistant");
  }
  std::vector<ChatMessage> out(messages.begin(), messages.end());
  const bool takes_system =
      known_ == nullptr ? takes_system_ : known_->system == KnownTemplate::System::own_turn;
  if (takes_system) return out;
  std::string system;
  std::erase_if(out, [&](const ChatMessage& message) {
    if (message.role != "system") return false;
    system += (system.empty() ? "" : "\n\n") + trimmed(message.content);
    return true;
  });
  if (system.empty()) return out;
  const bool tags = known_ != nullptr && known_->system == KnownTemplate::System::llama2_tags;
  const std::string before = tags ? "<<SYS>>\n" + system + "\n<</SYS>>\n\n" : system + "\n\n";
  const auto user =
      std::find_if(out.begin(), out.end(), [](const ChatMessage& m) { return m.role == "user"; });
  if (user == out.end()) {
    out.insert(out.begin(), {"user", before});
  } else {
    user->content = before + user->content;
  }
  return out;
}

// The variables that Hugging Face gives, and a date that does not move: with today's, the same run
// would send another prompt tomorrow.
Result<FollowedText> ChatTemplate::render_prepared(const std::vector<ChatMessage>& messages) const {
  Value::List list;
  for (const auto& [role, content] : messages) {
    Value in_message = content;
    if (content_in_parts_)
      in_message = Value::List{Value::Map{{"type", "text"}, {"text", content}}};
    list.push_back(Value::Map{{"role", role}, {"content", std::move(in_message)}});
  }
  Value variables;
  variables.set("messages", std::move(list));
  variables.set("add_generation_prompt", true);
  variables.set("bos_token", bos_text_);
  variables.set("eos_token", eos_text_);
  variables.set("tools", nullptr);
  variables.set("documents", nullptr);
  variables.set("strftime_now", kDate);
  return template_.render_following(variables, content_in_parts_ ? "text" : "content");
}

Result<std::string> ChatTemplate::render(std::span<const ChatMessage> messages) const {
  const auto ready = prepared(messages);
  if (!ready) return fail(ready.error());
  auto prompt = render_prepared(*ready);
  if (!prompt) return fail(prompt.error());
  return std::move(prompt->text);
}

Result<ChatTemplate::Rendered> ChatTemplate::render_with_content(
    std::span<const ChatMessage> messages) const {
  const auto ready = prepared(messages);
  if (!ready) return fail(ready.error());
  auto prompt = render_prepared(*ready);
  if (!prompt) return fail(std::move(prompt).error());
  Rendered out;
  for (const TextSpan& span : prompt->spans) out.content.push_back({span.begin, span.end});
  out.text = std::move(prompt->text);
  return out;
}

Result<std::vector<Token>> ChatTemplate::encode(std::span<const ChatMessage> messages,
                                                const Tokenizer& tokenizer) const {
  const auto prompt = render_with_content(messages);
  if (!prompt) return fail(prompt.error());
  return tokenizer.encode_prompt(prompt->text, prompt->content);
}

}  // namespace pennyweight::llm
