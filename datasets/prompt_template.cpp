#include "datasets/prompt_template.h"

#include <utility>

namespace pennyweight {
namespace {

// What a template sees: the row's vars, and its choices.
Value variables(const Row& row) {
  Value out = row.vars.is_null() ? Value(Value::Map()) : row.vars;
  if (!row.choices.empty()) {
    out.set("choices", Value::List(row.choices.begin(), row.choices.end()));
  }
  return out;
}

Result<std::string> render_user(const PromptTemplate& prompt, const Row& row) {
  if (row.vars.is_null()) return row.turn;
  if (!prompt.user) {
    return fail(ErrorKind::invalid_input, "the manifest has no template for rows with \"vars\"", "",
                "give prompt.user");
  }
  return prompt.user->render(variables(row));
}

// The examples, each a pair of question and answer.
Result<std::vector<std::pair<std::string, std::string>>> render_examples(
    const PromptTemplate& prompt, const Row& row) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Row& example : prompt.few_shot.rows) {
    if (out.size() == prompt.few_shot.count) break;
    if (example.id == row.id) continue;
    auto question = render_user(prompt, example);
    if (!question) return fail(std::move(question).error());
    out.emplace_back(std::move(*question), example.targets.front());
  }
  if (out.size() < prompt.few_shot.count) {
    return fail(ErrorKind::invalid_input, "fewer examples than few_shot.k", "",
                "add rows to the file of few_shot.rows, or lower few_shot.k");
  }
  return out;
}

}  // namespace

Result<std::vector<Message>> render_prompt(const PromptTemplate& prompt, const Row& row) {
  if (!row.messages.empty()) {
    if (!prompt.as_text) return row.messages;
    return fail(ErrorKind::invalid_input, "its \"messages\" are a conversation",
                "the manifest's prompt.as is \"text\"", "give \"vars\", or one of \"turns\"");
  }
  std::vector<Message> messages;
  if (prompt.system) {
    auto text = prompt.system->render(variables(row));
    if (!text) return fail(std::move(text).error());
    messages.push_back({"system", std::move(*text)});
  }
  auto examples = render_examples(prompt, row);
  if (!examples) return fail(std::move(examples).error());
  std::string before;
  for (auto& [question, answer] : *examples) {
    if (prompt.few_shot.as_turns) {
      messages.push_back({"user", std::move(question)});
      messages.push_back({"assistant", std::move(answer)});
    } else {
      before += question + prompt.target_delimiter + answer + prompt.few_shot.delimiter;
    }
  }
  auto question = render_user(prompt, row);
  if (!question) return fail(std::move(question).error());
  messages.push_back({"user", before + *question});
  return messages;
}

}  // namespace pennyweight
