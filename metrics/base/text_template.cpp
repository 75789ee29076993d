#include "metrics/base/text_template.h"

#include "metrics/base/text_template_renderer.h"
#include "metrics/base/text_template_syntax.h"

namespace pennyweight {

struct TextTemplate::Node {
  std::vector<templates::Statement> statements;
  TemplateUse use;
};

Result<TextTemplate> TextTemplate::parse(std::string_view source, TemplateUse use) {
  auto statements = templates::parse(source, use);
  if (!statements) return fail(statements.error());
  TextTemplate out;
  out.root_ = std::make_shared<const Node>(Node{std::move(*statements), use});
  return out;
}

Result<std::string> TextTemplate::render(const Value& variables) const {
  auto out = render_following(variables, {});
  if (!out) return fail(out.error());
  return std::move(out->text);
}

Result<FollowedText> TextTemplate::render_following(const Value& variables,
                                                    std::string_view key) const {
  if (!root_) return FollowedText{};
  return templates::render(root_->statements, root_->use, variables, key);
}

}  // namespace pennyweight
