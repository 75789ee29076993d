// Messages become this model's prompt. Immutable after loading: any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "local_backend/tokenizer.h"
#include "metrics/base/result.h"
#include "metrics/base/text_template.h"

namespace pennyweight::llm {

class GgufFile;
struct KnownTemplate;

struct ChatMessage {
  std::string role;  // system, user, assistant
  std::string content;
};

class ChatTemplate {
 public:
  // The file's own tokenizer.chat_template where it renders the simplest conversation, else one of
  // its first named variants, else a known writer that recognises it, else ChatML. name() and hash() say
  // which, and are recorded with every run.
  static Result<ChatTemplate> load(const GgufFile& file, const Tokenizer& tokenizer);

  // Ends where the assistant's answer begins. Special tokens spelled by the template are parsed,
  // those spelled inside a message's content are not (see encode).
  Result<std::string> render(std::span<const ChatMessage> messages) const;
  // render + tokenise, with BOS exactly once where the model wants it. Text that came from content
  // is tokenised with Specials::as_text, so that data cannot spell a control token: byte for byte
  // through what templates usually do to it, and the whole of a text made from it in another way.
  // Tokens that the user defined (type 4) match there too, as in other engines: where a model marks
  // its turns with those, data can spell them.
  Result<std::vector<Token>> encode(std::span<const ChatMessage> messages,
                                    const Tokenizer& tokenizer) const;
  // The rendered prompt and, in it, what came from content.
  struct Rendered {
    std::string text;
    std::vector<TextRange> content;
  };
  Result<Rendered> render_with_content(std::span<const ChatMessage> messages) const;

  // "file", "file:tool_use", "chatml", "llama3", ...
  std::string_view name() const { return name_; }
  const std::string& hash() const { return hash_; }  // SHA-256 of the template's text
  // Why one of our own writers stands in for the file's template. "" where the file's own or one of
  // its variants serves, or it has none.
  const std::string& fallback_reason() const { return fallback_reason_; }

 private:
  ChatTemplate(std::string name, std::string_view source, const Tokenizer& tokenizer,
               TextTemplate parsed);
  static Result<ChatTemplate> of_file(std::string name, const std::string& source,
                                      const Tokenizer& tokenizer);
  std::optional<FollowedText> probe(const std::vector<ChatMessage>& messages) const;
  Result<std::vector<ChatMessage>> prepared(std::span<const ChatMessage> messages) const;
  Result<FollowedText> render_prepared(const std::vector<ChatMessage>& messages) const;

  std::string name_, hash_, bos_text_, eos_text_, fallback_reason_;
  TextTemplate template_;
  const KnownTemplate* known_ = nullptr;  // null: the file's own
  bool content_in_parts_ = false;  // [{"type": "text", "text": ...}], where only that is read
  bool takes_system_ = true;       // else a system message goes before the first user's
};

}  // namespace pennyweight::llm
