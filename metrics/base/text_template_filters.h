// What filters and output make of single values.
#pragma once

#include <string>
#include <string_view>

#include "metrics/base/text_template_syntax.h"

namespace pennyweight::template_syntax {

// As Jinja prints it: True, False, None. A list or map is refused: use json or join.
Result<std::string> text_of(const Value& value, Place place);

// All but default, which sees undefined values. `argument` is null where none was given.
Result<Value> apply_filter(std::string_view name, const Value& value, const Value& argument,
                           Place place);

}  // namespace pennyweight::template_syntax
