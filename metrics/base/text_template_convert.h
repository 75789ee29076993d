// Values from outside become items.
#pragma once

#include <string_view>

#include "metrics/base/text_template.h"
#include "metrics/base/text_template_context.h"

namespace pennyweight::templates {

// Its texts count as followed when `followed`, and below a key of a map that is `key`.
Item item_of(Context& context, const Value& value, bool followed, std::string_view key = {});

}  // namespace pennyweight::templates
