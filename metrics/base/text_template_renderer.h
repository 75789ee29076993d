// A parsed template becomes text.
#pragma once

#include <string_view>
#include <vector>

#include "metrics/base/text_template_syntax.h"

namespace pennyweight::templates {

// Texts under `followed_key` in a map of the variables are followed; none where it is empty.
Result<FollowedText> render(const std::vector<Statement>& statements, TemplateUse use,
                            const Value& variables, std::string_view followed_key);

}  // namespace pennyweight::templates
