#include "local_backend/grammar/gbnf_text.h"
#include "local_backend/grammar/json_schema.h"

namespace pennyweight::llm {

std::shared_ptr<const Grammar> json_object_grammar() {
  static const std::shared_ptr<const Grammar> grammar = [] {
    GbnfText text;
    text.define("root", text.json("object"));
    return Grammar::parse(text.text()).value_or(nullptr);
  }();
  return grammar;
}

}  // namespace pennyweight::llm
