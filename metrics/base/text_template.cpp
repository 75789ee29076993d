#include "metrics/base/text_template.h"

#include "metrics/base/text_template_syntax.h"

namespace pennyweight {

struct TextTemplate::Node {
  std::vector<template_syntax::Statement> statements;
};

Result<TextTemplate> TextTemplate::parse(std::string_view source, Blanks blanks) {
  auto statements = template_syntax::parse(source, blanks);
  if (!statements) return fail(statements.error());
  TextTemplate out;
  out.root_ = std::make_shared<const Node>(Node{std::move(*statements)});
  return out;
}

Result<std::string> TextTemplate::render(const Value& variables) const {
  if (!root_) return std::string();
  return template_syntax::render(root_->statements, variables);
}

}  // namespace pennyweight
