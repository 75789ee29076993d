#include "local_backend/chat_template.h"

#include <algorithm>

#include "local_backend/gguf/gguf_file.h"
#include "local_backend/known_templates.h"
#include "metrics/base/hash.h"

namespace pennyweight::llm {
namespace {

constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";

// A text that no message holds, to be put around every content before rendering: between each two
// marks of the result stands content. Noncharacters of Unicode, so that no real text is near.
std::string unused_mark(std::span<const ChatMessage> messages) {
  for (int n = 0;; ++n) {
    const std::string mark = "\xef\xb7\x90" + std::to_string(n) + "\xef\xb7\x91";
    const bool used = std::any_of(messages.begin(), messages.end(), [&](const ChatMessage& m) {
      return m.content.find(mark) != std::string::npos;
    });
    if (!used) return mark;
  }
}

// White space stays outside, where a template may trim it. Empty content stays empty: templates
// ask.
std::string marked(const std::string& content, const std::string& mark) {
  const std::size_t begin = content.find_first_not_of(kWhiteSpace);
  if (begin == std::string::npos) return content;
  const std::size_t end = content.find_last_not_of(kWhiteSpace) + 1;
  return content.substr(0, begin) + mark + content.substr(begin, end - begin) + mark +
         content.substr(end);
}

struct Unmarked {
  std::string text;
  std::vector<TextRange> content;
  bool complete = true;  // every mark had its partner
};

Unmarked without_marks(std::string_view text, const std::string& mark) {
  Unmarked out;
  bool inside = false;
  for (;;) {
    const std::size_t end = text.find(mark);
    const std::size_t begin = out.text.size();
    out.text += text.substr(0, end);
    if (inside) out.content.push_back({begin, out.text.size()});
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + mark.size());
    inside = !inside;
  }
  out.complete = !inside;
  return out;
}

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

// A template is ours when it parses and answers the simplest conversation.
Result<ChatTemplate> ChatTemplate::of_file(const std::string& source, const Tokenizer& tokenizer) {
  auto parsed = TextTemplate::parse(source, Blanks::chat_template);
  if (!parsed) return fail(parsed.error());
  ChatTemplate own("file", source, tokenizer, std::move(*parsed));
  const std::vector<ChatMessage> simplest{{"user", "Hello"}};
  if (auto text = own.render(simplest); !text) return fail(text.error());
  return own;
}

Result<ChatTemplate> ChatTemplate::load(const GgufFile& file, const Tokenizer& tokenizer) {
  const auto source = file.text_value("tokenizer.chat_template");
  if (!source) return fail(source.error());
  if (*source) {
    if (auto own = of_file(**source, tokenizer)) return own;
  }
  const KnownTemplate* known = *source ? known_template_of(**source) : nullptr;
  if (known == nullptr) known = &chatml_template();
  auto parsed = TextTemplate::parse(known->source);
  if (!parsed) return fail(parsed.error());
  ChatTemplate writer(std::string(known->name), known->source, tokenizer, std::move(*parsed));
  writer.known_ = known;
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
  if (known_ == nullptr || known_->system == KnownTemplate::System::own_turn) return out;
  std::string system;
  std::erase_if(out, [&](const ChatMessage& message) {
    if (message.role != "system") return false;
    system += (system.empty() ? "" : "\n\n") + trimmed(message.content);
    return true;
  });
  if (system.empty()) return out;
  const bool tags = known_->system == KnownTemplate::System::llama2_tags;
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

Result<std::string> ChatTemplate::render_prepared(const std::vector<ChatMessage>& messages) const {
  Value::List list;
  for (const auto& [role, content] : messages) {
    list.push_back(Value::Map{{"role", role}, {"content", content}});
  }
  Value variables;
  variables.set("messages", std::move(list));
  variables.set("add_generation_prompt", true);
  variables.set("bos_token", bos_text_);
  variables.set("eos_token", eos_text_);
  return template_.render(variables);
}

Result<std::string> ChatTemplate::render(std::span<const ChatMessage> messages) const {
  const auto ready = prepared(messages);
  if (!ready) return fail(ready.error());
  return render_prepared(*ready);
}

Result<std::vector<Token>> ChatTemplate::encode(std::span<const ChatMessage> messages,
                                                const Tokenizer& tokenizer) const {
  auto ready = prepared(messages);
  if (!ready) return fail(ready.error());
  const auto plain = render_prepared(*ready);
  if (!plain) return fail(plain.error());
  const std::string mark = unused_mark(*ready);
  for (ChatMessage& message : *ready) message.content = marked(message.content, mark);
  const auto with_marks = render_prepared(*ready);
  if (!with_marks) return fail(with_marks.error());
  const Unmarked prompt = without_marks(*with_marks, mark);
  if (!prompt.complete || prompt.text != *plain) {
    return fail(ErrorKind::invalid_input, "the model's chat template changes the content of messages",
                "its special tokens could not be told from those spelled in the content");
  }
  std::vector<Token> tokens = tokenizer.encode(prompt.text, prompt.content);
  if (tokenizer.add_bos() && (tokens.empty() || tokens[0] != tokenizer.bos())) {
    tokens.insert(tokens.begin(), tokenizer.bos());
  }
  return tokens;
}

}  // namespace pennyweight::llm
