// Chat templates of well-known model families, written in the part of Jinja that we read. For files
// whose own template needs more of the language. Private to chat_template.
#pragma once

#include <cstdint>
#include <string_view>

namespace pennyweight::llm {

struct KnownTemplate {
  // How a system message is carried.
  enum class System : std::uint8_t {
    own_turn,
    before_user,  // in front of the first user message, a blank line between
    llama2_tags,  // the same between <<SYS>> tags
  };
  std::string_view name;
  std::string_view needles[2];  // a file's template that contains both is of this family
  System system;
  std::string_view source;
};

const KnownTemplate* known_template_of(std::string_view file_template);  // null: none recognises it
const KnownTemplate& chatml_template();

}  // namespace pennyweight::llm
