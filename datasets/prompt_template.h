// A row becomes messages. The row's own `messages` pass as they are; `vars` go through the
// manifest's templates, with the examples of few_shot before them. Immutable once filled: any
// thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/row.h"

namespace pennyweight {

// Solved rows shown before the question. Examples that have the row's own id are passed over.
struct FewShot {
  std::vector<Row> rows;  // in the order of picking
  std::size_t count = 0;
  bool as_turns = true;            // user and assistant messages; else one text
  std::string delimiter = "\n\n";  // between the examples of one text
};

struct PromptTemplate {
  std::optional<TextTemplate> system;
  std::optional<TextTemplate> user;
  bool as_text = false;          // no chat: the user's text is all that the model sees
  std::string target_delimiter;  // before a continuation, and an example's answer in a text
  FewShot few_shot;
};

// An undefined variable, or too few examples, is an error.
Result<std::vector<Message>> render_prompt(const PromptTemplate& prompt, const Row& row);

}  // namespace pennyweight
